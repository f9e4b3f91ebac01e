"""What the kernel lets the process that reads a document do: read that document and its own code, and nothing else.

| mechanism  | what it takes away                                                          | where it exists         |
|---|---|---|
| privileges | new privileges, core dumps, being looked into by other processes            | Linux                   |
| namespaces | every network device                                                        | where users may have them |
| landlock   | files but the document and the code; TCP; signals to other processes        | Linux 5.13; 6.7; 6.12   |
| seccomp    | sockets, other processes, new programs, opening files to write, renaming ... | x86-64, arm64           |

Each is tried; one that the system refuses is named in the result of `confine`, and reading goes on with the others.
Everything is called through ctypes: a process that only reads one document has no time to import more.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

MECHANISMS = ("privileges", "namespaces", "landlock", "seccomp")

_PR_SET_DUMPABLE, _PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS = 4, 22, 38
_NEW_IPC, _NEW_USER, _NEW_NET = 0x08000000, 0x10000000, 0x40000000
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_SYSTEM = (
    *("/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/dev/null", "/dev/urandom", "/nix/store"),
    *("/opt/python", "/var/lang"),  # Lambda's layers and Python
)
"""What readers and their libraries load."""


def confine(document: Path, import_path: Iterable[str]) -> list[str]:
    """Give up all that reading the document does not need, for good. Returns the mechanisms of MECHANISMS that this
    system refuses, each with its reason: `landlock: Function not implemented`."""
    steps: dict[str, Callable[[], None]] = {
        "privileges": _give_up_privileges,
        "namespaces": _leave_network,
        "landlock": lambda: _restrict_files([document, *readable(import_path)]),
        "seccomp": lambda: _filter_calls(os.getpid()),
    }
    missing = []
    for name in MECHANISMS:
        try:
            steps[name]()
        except (OSError, AttributeError) as problem:  # no such function: not Linux
            reason = problem.strerror if isinstance(problem, OSError) else "not on this system"
            missing.append(f"{name}: {reason}")
    return missing


def hide_from_children() -> None:
    """Keep processes of the same user out of this one's memory and environment (`/proc/<pid>/environ`), where landlock
    does not do that for the child. It makes no core dumps and cannot be debugged from then on."""
    if landlock_abi() < 1:
        try:
            _prctl(_PR_SET_DUMPABLE, 0)
        except (OSError, AttributeError):
            return


def landlock_abi() -> int:
    """The version of landlock that the kernel has; 0 without."""
    try:
        return _call(_LANDLOCK_CREATE, None, 0, 1)
    except (OSError, AttributeError):
        return 0


def readable(import_path: Iterable[str]) -> list[Path]:
    """What Python needs to import the readers. Of a folder that holds other things too, such as the current one, only
    this package."""
    prefixes = {Path(sys.prefix), Path(sys.base_prefix), Path("/opt/python"), Path("/var/lang")} - {Path("/")}
    own = Path(__file__).resolve().parents[1]
    found = [own]
    for entry in map(Path, import_path):
        if any(entry.is_relative_to(p) for p in prefixes) or _holds_packages(entry):
            found.append(entry)
        elif (entry / own.name).is_dir():
            found.append(entry / own.name)
    libraries = [Path(folder) for folder in os.environ.get("LD_LIBRARY_PATH", "").split(":") if folder]
    return list(dict.fromkeys([*found, *map(Path, _SYSTEM), *libraries, *_folders_of_loaded_libraries()]))


def _holds_packages(folder: Path) -> bool:
    """Whether an installer filled it, wherever it is: an environment, or a layer that was unpacked anywhere."""
    if {"site-packages", "dist-packages"} & set(folder.parts):
        return True
    return next(folder.glob("*.dist-info"), None) is not None


def _folders_of_loaded_libraries() -> Iterable[Path]:
    """Where libc and its like are on systems that keep them elsewhere."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="replace") as maps:
            return {Path(line.split()[5]).parent for line in maps if ".so" in line and len(line.split()) == 6}
    except OSError:
        return ()


def _give_up_privileges() -> None:
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _prctl(_PR_SET_DUMPABLE, 0)


def _leave_network() -> None:
    """A network without devices. Root needs no user namespace for it, and would lose files of other owners in one."""
    flags = _NEW_NET | _NEW_IPC | (0 if os.geteuid() == 0 else _NEW_USER)
    _check(_libc().unshare(flags))


def _restrict_files(paths: Iterable[Path]) -> None:
    abi = landlock_abi()
    if abi < 1:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
    rights = (1 << 13) - 1
    for since, right in ((2, 1 << 13), (3, 1 << 14), (5, 1 << 15)):  # refer, truncate, ioctl of devices
        rights |= right if abi >= since else 0
    # All rights over files; from 4 on binding and connecting TCP; from 6 on abstract sockets and signals.
    attributes = struct.pack("=QQQ", rights, 3, 3)[: 8 if abi < 4 else 16 if abi < 6 else 24]
    ruleset = _call(_LANDLOCK_CREATE, attributes, len(attributes), 0)
    try:
        for path in paths:
            _allow_reading(ruleset, path)
        _call(_LANDLOCK_RESTRICT, ruleset, 0)
    finally:
        os.close(ruleset)


def _allow_reading(ruleset: int, path: Path) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:  # not on this system
        return
    try:
        rights = _READ_FILE | (_READ_DIR if path.is_dir() else 0)
        _call(_LANDLOCK_ADD, ruleset, 1, struct.pack("=Qi", rights, place), 0)
    finally:
        os.close(place)


_X86_64, _ARM64 = 0xC000003E, 0xC00000B7
_ARCHITECTURES = {"x86_64": (0, _X86_64), "aarch64": (1, _ARM64), "arm64": (1, _ARM64)}
"""Machine -> column in the tables below, the kernel's number for it."""

_REFUSED = {
    # Sockets.
    "socket": (41, 198), "connect": (42, 203), "accept": (43, 202), "accept4": (288, 242),
    "bind": (49, 200), "listen": (50, 201), "sendmsg": (46, 211), "sendmmsg": (307, 269),
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    # Other processes and new programs.
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271), "kcmp": (312, 272),
    "pidfd_open": (434, 434), "pidfd_send_signal": (424, 424), "pidfd_getfd": (438, 438),
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "process_madvise": (440, 440),
    "process_mrelease": (448, 448), "migrate_pages": (256, 238), "move_pages": (279, 239),
    "execve": (59, 221), "execveat": (322, 281), "fork": (57, None), "vfork": (58, None),
    "setpriority": (141, 140), "ioprio_set": (251, 30), "sched_setaffinity": (203, 122),
    "sched_setscheduler": (144, 119), "sched_setparam": (142, 118), "sched_setattr": (314, 274),
    # The system.
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "chroot": (161, 51), "bpf": (321, 280), "keyctl": (250, 219), "add_key": (248, 217), "request_key": (249, 218),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265), "init_module": (175, 105), "finit_module": (313, 273), "kexec_load": (246, 104),
    # Changes to files; opening them to write is below.
    "creat": (85, None), "truncate": (76, 45), "rename": (82, None), "renameat": (264, 38), "renameat2": (316, 276),
    "unlink": (87, None), "unlinkat": (263, 35), "rmdir": (84, None), "mkdir": (83, None), "mkdirat": (258, 34),
    "link": (86, None), "linkat": (265, 37), "symlink": (88, None), "symlinkat": (266, 36), "mknod": (133, None),
    "mknodat": (259, 33), "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452),
    "chown": (92, None), "lchown": (94, None), "fchown": (93, 55), "fchownat": (260, 54), "utime": (132, None),
    "utimes": (235, None), "futimesat": (261, None), "utimensat": (280, 88), "setxattr": (188, 5),
    "lsetxattr": (189, 6), "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
}  # fmt: skip
"""System call -> its number on x86-64, on arm64 (None: it does not exist there)."""
_ABSENT = {"clone3": (435, 435), "openat2": (437, 437)}
"""Their arguments cannot be filtered; the C library uses older calls where these do not exist."""
_OWN_ONLY = {"kill": (62, 129), "tkill": (200, 130), "tgkill": (234, 131), "prlimit64": (302, 261)}
"""The first argument must be this process (or 0, for `prlimit64` this one, too)."""
_SOCKETPAIR, _AF_UNIX = (53, 199), 1
"""Rust's runtime wakes itself through a pair that has no name."""
_SENDTO, _ADDRESS = (44, 206), 4
"""Only to the other end of such a pair: without the argument that holds an address."""
_OPENING = {"open": (2, None, 1), "openat": (257, 56, 2)}
"""With the argument that holds the flags."""
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CLONE, _CLONE_THREAD = (56, 220), 0x10000

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERROR = 0x7FFF0000, 0x00050000
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
"""Offsets in what a filter sees of a call (`struct seccomp_data`)."""


def filter_program(pid: int, column: int, architecture: int) -> bytes:
    """The filter as BPF instructions of 8 bytes. A call that it names fails with EPERM, all others are allowed."""
    made: list[tuple[int, int, int, int]] = []

    def say(code: int, value: int, yes: int = 0, no: int = 0) -> None:
        made.append((code, yes, no, value))

    def refuse(error: int = errno.EPERM) -> None:
        say(_RETURN, _ERROR | error)

    def when(number: int, inside: Callable[[], None]) -> None:
        """`inside` for this call; it must end with an answer."""
        at = len(made)
        say(_EQUAL, number)
        inside()
        made[at] = (_EQUAL, 0, len(made) - at - 1, number)

    def own_only(also_zero: bool) -> None:
        say(_LOAD, _ARGUMENTS)
        for value in (pid, 0) if also_zero else (pid,):
            say(_EQUAL, value, 0, 1)
            say(_RETURN, _ALLOW)
        refuse()

    def with_bits(argument: int, bits: int, *, refused: bool) -> None:
        say(_LOAD, _ARGUMENTS + 8 * argument)
        say(_ANY_BIT, bits, 0 if refused else 1, 1 if refused else 0)
        refuse()
        say(_RETURN, _ALLOW)

    def must_be(argument: int, value: int) -> None:
        for half, wanted in ((0, value), (4, 0)):
            say(_LOAD, _ARGUMENTS + 8 * argument + half)
            say(_EQUAL, wanted, 1, 0)
            refuse()
        say(_RETURN, _ALLOW)

    say(_LOAD, _ARCHITECTURE)
    say(_EQUAL, architecture, 1, 0)
    refuse()
    say(_LOAD, _NUMBER)
    if architecture == _X86_64:  # the calls of x32, which have numbers of their own
        say(_AT_LEAST, 0x40000000, 0, 1)
        refuse()
    for name, numbers in _OWN_ONLY.items():
        when(numbers[column], partial(own_only, name == "prlimit64"))
    for x86, arm, argument in _OPENING.values():
        number = (x86, arm)[column]
        if number is not None:
            when(number, partial(with_bits, argument, _WRITING, refused=True))
    when(_SOCKETPAIR[column], partial(must_be, 0, _AF_UNIX))
    when(_SENDTO[column], partial(must_be, _ADDRESS, 0))
    when(_CLONE[column], partial(with_bits, 0, _CLONE_THREAD, refused=False))
    for absent in _ABSENT.values():
        when(absent[column], partial(refuse, errno.ENOSYS))
    for known in _REFUSED.values():
        refused = known[column]
        if refused is not None:
            when(refused, refuse)
    say(_RETURN, _ALLOW)
    return b"".join(struct.pack("=HBBI", code, yes, no, value) for code, yes, no, value in made)


def _filter_calls(pid: int) -> None:
    machine = os.uname().machine
    if machine not in _ARCHITECTURES or sys.maxsize < 2**32:
        raise OSError(errno.ENOSYS, f"not known for {machine}")
    program = ctypes.create_string_buffer(code := filter_program(pid, *_ARCHITECTURES[machine]), len(code))
    head = struct.pack("=H6xQ", len(code) // 8, ctypes.addressof(program))
    _prctl(_PR_SET_SECCOMP, 2, ctypes.create_string_buffer(head, len(head)))


def _prctl(option: int, value: int, argument: object = 0) -> None:
    argument = ctypes.c_ulong(0) if argument == 0 else argument
    _check(_libc().prctl(option, ctypes.c_ulong(value), argument, ctypes.c_ulong(0), ctypes.c_ulong(0)))


def _call(number: int, *arguments: int | bytes | None) -> int:
    given = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _check(_libc().syscall(ctypes.c_long(number), *given))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(result: int) -> int:
    """Raises OSError with the kernel's reason."""
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result
