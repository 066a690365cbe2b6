/* Sees every call that changes a file below one folder, and lets the so-manieth fail: see shim.py.
 *
 * The kernel stops such calls (seccomp) and asks on_call() instead of doing them. So those are seen too that a library
 * makes past libc, or inside it: Rust's rename, fwrite. Calls that shim_syscall() makes are let through.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/vfs.h>
#include <ucontext.h>

#define CREATED 256 /* bytes that a new file or folder takes of the budget */
#define LONGEST 64

enum { NOTHING, CRASH = -1, TEAR = -2 }; /* or an errno; TEAR: half of a write is done, then a crash */
enum { DIED = 99 };                      /* exit status of a crash */

static struct {
    char folder[PATH_MAX];
    size_t length;
    long at;     /* number of the operation that fails, from 1; 0: none */
    int fault;   /* what becomes of it */
    long budget; /* bytes that may still be added; -1: any number */
    int log;     /* descriptor of a file for one line an operation; -1: none */
    int sync;    /* whether to wait for the disk at fsync */
    long count;
} plan;

long shim_syscall(long number, long a, long b, long c, long d, long e, long f);
extern char shim_after[];
#if defined(__x86_64__)
__asm__(".text\n.globl shim_syscall\n.globl shim_after\n.hidden shim_after\nshim_syscall:\n"
        "mov %rdi, %rax\nmov %rsi, %rdi\nmov %rdx, %rsi\nmov %rcx, %rdx\nmov %r8, %r10\nmov %r9, %r8\n"
        "mov 8(%rsp), %r9\nsyscall\nshim_after:\nret\n");
#define ARGUMENT(u, n) ((long)(u)->uc_mcontext.gregs[(const int[]){REG_RDI, REG_RSI, REG_RDX, REG_R10, REG_R8, REG_R9}[n]])
#define RESULT(u) (u)->uc_mcontext.gregs[REG_RAX]
#elif defined(__aarch64__)
__asm__(".text\n.globl shim_syscall\n.globl shim_after\n.hidden shim_after\nshim_syscall:\n"
        "mov x8, x0\nmov x0, x1\nmov x1, x2\nmov x2, x3\nmov x3, x4\nmov x4, x5\nmov x5, x6\nsvc #0\nshim_after:\nret\n");
#define ARGUMENT(u, n) ((long)(u)->uc_mcontext.regs[n])
#define RESULT(u) (u)->uc_mcontext.regs[0]
#else
#error "no shim for this processor"
#endif
#define CALL(number, ...) CALL_(number, __VA_ARGS__, 0, 0, 0, 0, 0)
#define CALL_(number, a, b, c, d, e, f, ...) \
    shim_syscall(number, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))

typedef struct {
    const char *name;       /* as the log has it; null: not one of ours to count */
    char path[PATH_MAX];    /* what is changed */
    char from[PATH_MAX];    /* where it came from, of a rename or link */
    long bytes;             /* that are written; of a truncation the new size */
    long place;             /* where in the file; -1: unknown */
    long growth;            /* of what the folder takes up */
} Operation;

static int is_ours(const char *path) {
    return !strncmp(path, plan.folder, plan.length) && (path[plan.length] == '/' || !path[plan.length]);
}

static int is_there(const char *path) {
    return !CALL(SYS_faccessat, AT_FDCWD, path, 0);
}

static void path_of(int descriptor, char *path) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    long length = CALL(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    path[length > 0 ? length : 0] = 0;
}

static void path_at(int folder, const char *name, char *path) {
    path[0] = 0;
    if (name[0] != '/' && folder != AT_FDCWD) {
        path_of(folder, path);
        strncat(path, "/", PATH_MAX - strlen(path) - 1);
    }
    strncat(path, name, PATH_MAX - strlen(path) - 1);
}

/* What is given back when a name goes; 0 where there is none, or where the file has another. */
static long freed(const char *path) {
    struct stat found;
    if (CALL(SYS_newfstatat, AT_FDCWD, path, &found, AT_SYMLINK_NOFOLLOW)) return 0;
    if (S_ISDIR(found.st_mode)) return CREATED;
    return found.st_nlink > 1 ? 0 : found.st_size + CREATED;
}

static void of_write(Operation *one, int descriptor, long bytes, long place) {
    struct stat found;
    path_of(descriptor, one->path);
    if (!is_ours(one->path) || CALL(SYS_fstat, descriptor, &found)) return;
    if (place < 0) place = CALL(SYS_lseek, descriptor, 0, SEEK_CUR);
    if (CALL(SYS_fcntl, descriptor, F_GETFL) & O_APPEND) place = found.st_size;
    one->name = "write";
    one->bytes = bytes;
    one->place = place;
    if (place + bytes > found.st_size) one->growth = place + bytes - found.st_size;
}

static void of_size(Operation *one, int descriptor, long size, int may_shrink) {
    struct stat found;
    path_of(descriptor, one->path);
    if (!is_ours(one->path) || CALL(SYS_fstat, descriptor, &found)) return;
    one->name = "truncate";
    one->bytes = size;
    if (may_shrink || size > found.st_size) one->growth = size - found.st_size;
}

static void of_name(Operation *one, const char *name, int folder, const char *path, long growth) {
    path_at(folder, path, one->path);
    if (!is_ours(one->path)) return;
    if (growth == CREATED && is_there(one->path)) return; /* it will fail by itself */
    one->name = name;
    one->growth = growth;
}

static void of_open(Operation *one, int folder, const char *path, long flags) {
    path_at(folder, path, one->path);
    int old = is_there(one->path);
    if (!is_ours(one->path) || (old && !(flags & O_TRUNC)) || !(old || flags & O_CREAT)) return;
    one->name = old ? "empty" : "create";
    one->growth = old ? CREATED - freed(one->path) : CREATED;
}

static void of_move(Operation *one, const char *name, int at, const char *from, int to, const char *path) {
    of_name(one, name, to, path, 0);
    path_at(at, from, one->from);
    if (name[0] == 'r') one->growth = -freed(one->path);
}

static long total(const struct iovec *parts, long count) {
    long sum = 0;
    for (long i = 0; i < count; i++) sum += parts[i].iov_len;
    return sum;
}

static Operation what(long number, const long *a) {
    Operation one;
    one.name = 0;
    one.path[0] = one.from[0] = 0;
    one.bytes = one.growth = 0;
    one.place = -1;
    switch (number) {
    case SYS_write: of_write(&one, a[0], a[2], -1); break;
    case SYS_pwrite64: of_write(&one, a[0], a[2], a[3]); break;
    case SYS_writev: of_write(&one, a[0], total((void *)a[1], a[2]), -1); break;
    case SYS_pwritev: case SYS_pwritev2: of_write(&one, a[0], total((void *)a[1], a[2]), a[3]); break;
    case SYS_sendfile: of_write(&one, a[0], a[3], -1); one.growth = 0; break;
    case SYS_copy_file_range: of_write(&one, a[2], a[4], -1); one.growth = 0; break;
    case SYS_ftruncate: of_size(&one, a[0], a[1], 1); break;
    case SYS_fallocate: of_size(&one, a[0], a[2] + a[3], 0); break;
    case SYS_fsync: case SYS_fdatasync:
        path_of(a[0], one.path);
        if (is_ours(one.path)) one.name = "fsync";
        break;
    case SYS_fchmod:
        path_of(a[0], one.path);
        if (is_ours(one.path)) one.name = "chmod";
        break;
    case SYS_fchmodat: of_name(&one, "chmod", a[0], (char *)a[1], 0); break;
    case SYS_openat: of_open(&one, a[0], (char *)a[1], a[2]); break;
    case SYS_mkdirat: of_name(&one, "mkdir", a[0], (char *)a[1], CREATED); break;
    case SYS_unlinkat: of_name(&one, "unlink", a[0], (char *)a[1], 0); one.growth = -freed(one.path); break;
    case SYS_linkat: of_move(&one, "link", a[0], (char *)a[1], a[2], (char *)a[3]); break;
    case SYS_renameat2: of_move(&one, "rename", a[0], (char *)a[1], a[2], (char *)a[3]); break;
#ifdef SYS_renameat
    case SYS_renameat: of_move(&one, "rename", a[0], (char *)a[1], a[2], (char *)a[3]); break;
#endif
#ifdef SYS_open
    case SYS_open: of_open(&one, AT_FDCWD, (char *)a[0], a[1]); break;
    case SYS_creat: of_open(&one, AT_FDCWD, (char *)a[0], O_CREAT | O_TRUNC); break;
    case SYS_chmod: of_name(&one, "chmod", AT_FDCWD, (char *)a[0], 0); break;
    case SYS_mkdir: of_name(&one, "mkdir", AT_FDCWD, (char *)a[0], CREATED); break;
    case SYS_rmdir: case SYS_unlink:
        of_name(&one, "unlink", AT_FDCWD, (char *)a[0], 0);
        one.growth = -freed(one.path);
        break;
    case SYS_link: of_move(&one, "link", AT_FDCWD, (char *)a[0], AT_FDCWD, (char *)a[1]); break;
    case SYS_rename: of_move(&one, "rename", AT_FDCWD, (char *)a[0], AT_FDCWD, (char *)a[1]); break;
#endif
    }
    return one;
}

static void note(const Operation *one) {
    char line[3 * PATH_MAX];
    int length = snprintf(line, sizeof line, "%s\t%s\t%s\t%ld\t%ld\n", one->name, one->path, one->from, one->place, one->bytes);
    CALL(SYS_write, plan.log, line, length);
}

static long done(long number, const long *a) {
    if (!plan.sync && (number == SYS_fsync || number == SYS_fdatasync)) return 0;
    return shim_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* Do what fits into the budget, as a disk does that is almost full. */
static long within_budget(long number, long *a, const Operation *one) {
    if (one->growth > __atomic_load_n(&plan.budget, __ATOMIC_SEQ_CST)) {
        long room = one->bytes - one->growth + plan.budget;
        if ((number != SYS_write && number != SYS_pwrite64) || room <= 0) return -ENOSPC;
        a[2] = room;
        __atomic_store_n(&plan.budget, 0, __ATOMIC_SEQ_CST);
        return done(number, a);
    }
    long result = done(number, a);
    if (result >= 0) __atomic_sub_fetch(&plan.budget, one->growth, __ATOMIC_SEQ_CST);
    return result;
}

static long space(long number, const long *a) {
    long result = done(number, a);
    char path[PATH_MAX];
    if (number == SYS_statfs) path_at(AT_FDCWD, (char *)a[0], path);
    else path_of(a[0], path);
    if (!result && plan.budget >= 0 && is_ours(path)) {
        struct statfs *found = (void *)a[1];
        found->f_bsize = found->f_frsize = 1;
        found->f_bfree = found->f_bavail = plan.budget;
    }
    return result;
}

static long instead(long number, long *a) {
    if (number == SYS_statfs || number == SYS_fstatfs) return space(number, a);
    Operation one = what(number, a);
    if (!one.name) return done(number, a);
    if (plan.log >= 0) note(&one);
    if (__atomic_add_fetch(&plan.count, 1, __ATOMIC_SEQ_CST) == plan.at) {
        if (plan.fault > 0) return -plan.fault;
        if (plan.fault == TEAR && (number == SYS_write || number == SYS_pwrite64)) {
            a[2] /= 2;
            done(number, a);
        }
        CALL(SYS_exit_group, DIED);
    }
    return plan.budget < 0 ? done(number, a) : within_budget(number, a, &one);
}

static void on_call(int signal, siginfo_t *info, void *context) {
    ucontext_t *before = context;
    long a[6];
    (void)signal;
    for (int i = 0; i < 6; i++) a[i] = ARGUMENT(before, i);
    RESULT(before) = instead(info->si_syscall, a);
}

static const int WATCHED[] = {
    SYS_write, SYS_pwrite64, SYS_writev, SYS_pwritev, SYS_pwritev2, SYS_sendfile, SYS_copy_file_range, SYS_ftruncate,
    SYS_fallocate, SYS_fsync, SYS_fdatasync, SYS_fchmod, SYS_fchmodat, SYS_openat, SYS_mkdirat, SYS_unlinkat, SYS_linkat,
    SYS_renameat2, SYS_statfs, SYS_fstatfs,
#ifdef SYS_renameat
    SYS_renameat,
#endif
#ifdef SYS_open
    SYS_open, SYS_creat, SYS_chmod, SYS_mkdir, SYS_rmdir, SYS_unlink, SYS_link, SYS_rename,
#endif
};

/* Begin; gives 0 or an errno. There is no way back but the end of the process. */
int shim_arm(const char *folder, long at, int fault, long budget, const char *log, int sync) {
    const unsigned count = sizeof WATCHED / sizeof *WATCHED;
    const unsigned long after = (unsigned long)shim_after;
    struct sock_filter steps[LONGEST];
    unsigned n = 0;
    steps[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer));
    steps[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)after, 0, 3);
    steps[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, instruction_pointer) + 4);
    steps[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)(after >> 32), 0, 1);
    steps[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    steps[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (unsigned i = 0; i < count; i++)
        steps[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, WATCHED[i], count - i, 0);
    steps[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    steps[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP);
    struct sock_fprog program = {n, steps};
    struct sigaction action = {.sa_sigaction = on_call, .sa_flags = SA_SIGINFO};

    plan.length = strlen(folder);
    if (plan.length >= sizeof plan.folder) return ENAMETOOLONG;
    memcpy(plan.folder, folder, plan.length + 1);
    plan.at = at, plan.fault = fault, plan.budget = budget, plan.sync = sync, plan.count = 0;
    plan.log = log[0] ? open(log, O_WRONLY | O_CREAT | O_APPEND, 0666) : -1;
    if (sigaction(SIGSYS, &action, 0) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) return errno;
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program)) return errno ? errno : EAGAIN;
    return 0;
}

long shim_count(void) { return plan.count; }
