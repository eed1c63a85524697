/*
 * Preloaded, it lets a program find a lesser processor than there is, by CPUID faulting (arch_prctl(2), ARCH_SET_CPUID):
 * the instruction traps, and what AS_IF names is taken out of its answer. Everything else runs as it is.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define ARCH_SET_CPUID 0x1012
#define FEATURES 7 /* the leaf of which two parts, by ECX, tell what came with AVX2 and after it */

/* What is kept of EAX, EBX, ECX and EDX, in Intel's numbering of bits. */
struct kept { unsigned a, b, c, d; };
static const struct kept ALL = {~0u, ~0u, ~0u, ~0u};
static const struct kept *parts;
static const struct kept WITHOUT_AMX[2] = {
    {~0u, ~0u, ~0u, ~(1u << 22 | 1u << 23 | 1u << 24 | 1u << 25)}, /* AMX's three, and fp16 in AVX-512 */
    {1u << 5, ~0u, ~0u, 0},                                        /* of the second part bf16 in AVX-512 alone */
};
static const struct kept AVX2[2] = {
    {0, ~(1u << 16 | 1u << 17 | 1u << 21 | 1u << 28 | 1u << 30 | 1u << 31), /* AVX-512 F, DQ, IFMA, CD, BW, VL */
     ~(1u << 1 | 1u << 6 | 1u << 8 | 1u << 9 | 1u << 10 | 1u << 11 | 1u << 12 | 1u << 14), /* VBMI to VPOPCNTDQ */
     ~(1u << 2 | 1u << 3 | 1u << 8 | 1u << 22 | 1u << 23 | 1u << 24 | 1u << 25)},
    {0, ~0u, ~0u, 0},
};

static void answer(int number, siginfo_t *told, void *context) {
    greg_t *at = ((ucontext_t *)context)->uc_mcontext.gregs;
    const unsigned char *code = (const unsigned char *)at[REG_RIP];
    if (told->si_code != SI_KERNEL || code[0] != 0x0f || code[1] != 0xa2) { /* no CPUID: it faults again, for good */
        signal(number, SIG_DFL);
        if (told->si_code <= 0) raise(number); /* somebody sent it */
        return;
    }
    unsigned a, b, c, d, leaf = (unsigned)at[REG_RAX], part = (unsigned)at[REG_RCX];
    syscall(SYS_arch_prctl, ARCH_SET_CPUID, 1);
    __cpuid_count(leaf, part, a, b, c, d);
    syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0);
    const struct kept *kept = leaf == FEATURES && part < 2 ? &parts[part] : &ALL;
    at[REG_RAX] = a & kept->a;
    at[REG_RBX] = b & kept->b;
    at[REG_RCX] = c & kept->c;
    at[REG_RDX] = d & kept->d;
    at[REG_RIP] += 2;
}

__attribute__((constructor)) static void begin(void) {
    char program[4096] = "";
    const char *as = getenv("AS_IF"), *name;
    if (readlink("/proc/self/exe", program, sizeof program - 1) < 0) return;
    name = strrchr(program, '/');
    if (name && strcmp(name, "/java") == 0) return; /* it takes SIGSEGV for its own; brokers compute nothing */
    parts = !as ? NULL : strcmp(as, "avx2") == 0 ? AVX2 : strcmp(as, "without-amx") == 0 ? WITHOUT_AMX : NULL;
    if (!parts) {
        fputs("as_if: AS_IF has to be avx2 or without-amx\n", stderr);
        _exit(70);
    }
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = answer;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    if (sigaction(SIGSEGV, &action, NULL) != 0 || syscall(SYS_arch_prctl, ARCH_SET_CPUID, 0) != 0) {
        fputs("as_if: this system lets no program be told less of its processor (no CPUID faulting)\n", stderr);
        _exit(70);
    }
}
