export declare class ProxyAgent {}
