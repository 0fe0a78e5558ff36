export declare class ProxyAgent {
  close(): Promise<void>
}
