/*
 * Bytecode: what the compiler makes and the interpreter runs. A register machine: operands are
 * slots of the function's frame, first its parameters and locals, then temporaries. Instructions
 * are one 64-bit word; some are followed by a second word that holds a jump or a constant, read
 * without being dispatched.
 *
 * A program is immutable. Its constants are values with the IMMORTAL flag, shared by all
 * interpreters that run it.
 */
#ifndef STARLARK_CODE_H
#define STARLARK_CODE_H

#include "starlark/value.h"

#include <stdatomic.h>

/* clang-format off */
/* a, b, c: 16-bit operands; x: 8 bits; bx: 32 bits in the place of b and c. R: register, K: constant. "+": a second word. */
#define OPCODES(X)                                                                                         \
    X(MOVE)       /* R[a] = R[b] */                                                                        \
    X(LOADK)      /* R[a] = K[bx] */                                                                       \
    X(LOADIMM)    /* R[a] = the value whose bits are bx, sign-extended */                                  \
    X(GETGLOBAL)  /* R[a] = globals[bx], checked */                                                        \
    X(SETGLOBAL)  /* globals[bx] = R[a] */                                                                 \
    X(GETPRE)     /* R[a] = predeclared[bx] */                                                             \
    X(GETUNIV)    /* R[a] = universe[bx] */                                                                \
    X(GETFREE)    /* R[a] = content of free variable b, checked */                                         \
    X(GETCELL)    /* R[a] = content of the cell R[b], checked */                                           \
    X(SETCELL)    /* content of the cell R[a] = R[b] */                                                    \
    X(MAKECELL)   /* R[a] = a new cell that holds R[a] */                                                  \
    X(CHECK)      /* fail if local R[a], called K[bx], is unbound */                                       \
    X(ADD) X(SUB) X(MUL) X(DIV) X(FLOORDIV) X(MOD) X(AND) X(OR) X(XOR) X(SHL) X(SHR) /* R[a] = R[b] op R[c] */ \
    X(IADD) X(IOR)               /* R[a] = R[b] op= R[c], lists and dicts in place */                      \
    X(ADDI) X(SUBI) X(MULI) X(FLOORDIVI) X(MODI) X(ANDI) X(SHLI) X(SHRI) /* R[a] = R[b] op (int16)c */     \
    X(LT) X(LE) X(GT) X(GE) X(EQ) X(NE) X(IN) X(NOTIN)                /* R[a] = R[b] op R[c] */            \
    X(JLT) X(JLE) X(JGT) X(JGE) X(JEQ)  /* + jump if (R[a] op R[b]) == x */                                \
    X(JLTI) X(JLEI) X(JGTI) X(JGEI) X(JEQI) /* + jump if (R[a] op int bx) == x */                          \
    X(JEQK)       /* + jump if (R[a] == K[bx]) == x */                                                     \
    X(JIN)        /* + jump if (R[a] in R[b]) == x */                                                      \
    X(JUMP)       /* pc += bx */                                                                           \
    X(LOOP)       /* pc += bx, backwards; a safe point */                                                  \
    X(JIF) X(JIFNOT) /* pc += bx if R[a] is true, false */                                                 \
    X(NOT) X(NEG) X(POS) X(INVERT)      /* R[a] = op R[b] */                                               \
    X(INDEX)      /* R[a] = R[b][R[c]] */                                                                  \
    X(INDEXI)     /* R[a] = R[b][(int16)c] */                                                              \
    X(INDEXK)     /* + R[a] = R[b][K[second]] */                                                           \
    X(SETINDEX)   /* R[a][R[b]] = R[c] */                                                                  \
    X(SLICE)      /* R[a] = R[b][R[b+1]:R[b+2]:R[b+3]] */                                                  \
    X(ATTR)       /* + R[a] = R[b].K[second] */                                                            \
    X(SETATTR)    /* + R[a].K[second] = R[b] */                                                            \
    X(CALL)       /* R[c] = R[a](R[a+1] ... R[a+b]) */                                                     \
    X(CALLX)      /* + R[c] = R[a](b positional, then named ones, then x&1: *args, x&2: **kwargs);          \
                     second: the tuple of names, or none if 0xFFFFFFFF */                                  \
    X(FINDMETHOD) /* + unless the type of R[a] has the method K[second], R[a] = R[a].K[second] */          \
    X(METHOD)     /* + R[c] = R[a].K[second](R[a+1] ... R[a+b]); x: after FINDMETHOD */                    \
    X(RETURN)     /* return R[a] */                                                                        \
    X(RETNONE)                                                                                             \
    X(LIST) X(TUPLE) /* R[a] = the c values from R[b] on */                                                \
    X(EXTEND)     /* append the c values from R[b] on to the list R[a], which no one else knows yet */     \
    X(FREEZETUPLE) /* R[a] = tuple(R[a]), a list that no one else knows */                                 \
    X(APPEND)     /* append R[b] to the list R[a], likewise */                                             \
    X(DICT)       /* R[a] = {} with room for bx */                                                         \
    X(DICTSET)    /* R[a][R[b]] = R[c], of a comprehension */                                              \
    X(DICTPUT)    /* the same of a literal: a duplicate key is an error */                                 \
    X(FUNCTION)   /* + R[a] = a closure of functions[bx], defaults from R[second] on */                    \
    X(UNPACK)     /* R[b] ... R[b+c-1] = R[a] */                                                           \
    X(ITER)       /* begin to iterate over R[b]: state in R[a] ... R[a+2] */                               \
    X(NEXT)       /* + R[b] = next of the iterator R[a], and jump; or fall through at its end */           \
    X(ITEREND)    /* leave the loop of the iterator R[a] early */                                          \
    X(LOAD)       /* R[a] = load(K[bx]) */                                                                 \
    X(LOADNAME)   /* + R[a] = member K[second] of the module R[b], loaded from K[c ...] */
/* clang-format on */

enum opcode {
#define X(name) OP_##name,
    OPCODES(X)
#undef X
    OPCODE_MAX
};

struct instr {
    uint8_t op;
    uint8_t x;
    uint16_t a;
    union {
        struct {
            uint16_t b, c;
        };
        int32_t bx;
        uint32_t ux;
    };
};

_Static_assert(sizeof(struct instr) == 8, "an instruction is one word");

struct param {
    struct str *name;
    uint32_t offset;
    uint8_t kind; /* enum star_param_kind */
};

/* Where a closure takes its free variables from when it is made. */
struct capture {
    bool from_free; /* of the enclosing function's free variables, else one of its registers, which
                       holds a cell */
    uint16_t index;
    struct str *name;
};

/* A compiled function. Parameters in registers: plain ones, keyword-only ones, *args, **kwargs. */
struct code {
    struct star_program *program;
    struct code *outer; /* the function around it, NULL for the file */
    struct str *name;
    const char *doc;
    uint32_t index;  /* in program->functions */
    uint32_t offset; /* of its def */
    uint16_t registers;
    uint16_t param_count; /* without *args and **kwargs */
    uint16_t kwonly_count;
    uint16_t default_count; /* of the last parameters; keyword-only ones without default have
                               STAR_NULL there */
    uint8_t has_args, has_kwargs;
    bool simple; /* neither keyword-only parameters nor *args nor **kwargs */
    uint32_t size;
    struct instr *instrs;
    uint32_t *offsets;    /* of each instruction in the source */
    struct param *params; /* all of them, in order of registers */
    uint32_t capture_count;
    struct capture *captures;
};

struct star_program {
    atomic_uint references;
    char *file;
    char *text; /* the source, if it is not all ASCII: columns are counted in it */
    uint32_t *lines;
    size_t line_count;
    bool recursion; /* functions may be entered while they are active */
    star_value *constants;
    size_t constant_count;
    struct code **functions; /* the first is the file's own code */
    size_t function_count;
    star_value *globals; /* names */
    size_t global_count;
    star_value *predeclared; /* names */
    size_t predeclared_count;
    char **loads;
    size_t load_count;
};

/* Where an instruction of a program comes from. */
void sl_program_position(const struct star_program *program, uint32_t offset, int *ret_line,
                         int *ret_column);

#endif
