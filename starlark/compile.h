/*
 * From the resolved tree to bytecode. Shared by emit.c (instructions, constants, registers),
 * compile_expr.c and compile_stmt.c, which call each other in that order; compile.c has the way
 * from bytes to a program.
 */
#ifndef STARLARK_COMPILE_H
#define STARLARK_COMPILE_H

#include "starlark/code.h"
#include "starlark/resolve.h"

enum {
    REGISTERS_MAX = 60000,
    NO_JUMP = -1
};

/* The program under construction, in the arena until it is finished. */
struct builder {
    struct source *source;
    uint64_t key[2]; /* of string hashes */
    star_value *constants;
    size_t constant_count, constant_capacity;
    struct code **functions;
    size_t function_count, function_capacity;
    char **loads;
    size_t load_count, load_capacity;
    bool keep_result; /* the file's code returns the value of its last expression */
};

/* Jumps that wait for their target. */
struct jumps {
    int32_t *items;
    size_t count, capacity;
};

struct loop {
    struct loop *outer;
    uint16_t iter; /* register of the iterator */
    bool is_for;
    struct jumps to_next, to_end;
};

/* The function being compiled. */
struct emitter {
    struct builder *builder;
    struct emitter *outer;
    struct function_node *node;
    struct code *code;
    size_t capacity; /* of instrs and offsets */
    uint32_t top;    /* first free register */
    bool *assigned;  /* locals that surely have a value here */
    uint32_t *log;   /* locals in the order in which they got one */
    size_t log_count;
    bool unreachable; /* the statements just compiled do not go on to the next */
    struct loop *loop;
};

/* emit.c */
int32_t sl_emit(struct emitter *e, enum opcode op, uint32_t a, uint32_t b, uint32_t c,
                uint32_t offset);
int32_t sl_emit_wide(struct emitter *e, enum opcode op, uint32_t a, int32_t bx, uint32_t offset);
void sl_emit_word(struct emitter *e, uint32_t word);
/* A jump (or the second word of one) whose distance is set by sl_patch. */
int32_t sl_emit_jump(struct emitter *e, enum opcode op, uint32_t a, uint32_t offset);
void sl_patch(struct emitter *e, int32_t jump); /* to here */
void sl_patch_to(struct emitter *e, int32_t jump, int32_t target);
void sl_jumps_add(struct emitter *e, struct jumps *jumps, int32_t jump);
void sl_jumps_patch(struct emitter *e, const struct jumps *jumps);
uint16_t sl_temp(struct emitter *e, uint32_t count);
struct emitter *sl_emitter_new(struct builder *builder, struct emitter *outer,
                               struct function_node *node);
uint32_t sl_constant(struct builder *builder, star_value value);
uint32_t sl_constant_symbol(struct builder *builder, struct symbol *symbol);
uint32_t sl_constant_text(struct builder *builder, const char *text, size_t size, bool bytes);
struct str *sl_builder_name(struct builder *builder, const char *name);

/* compile_expr.c */
/* Evaluates into a register of the compiler's choice: a local's own, or a temporary. */
uint16_t sl_compile(struct emitter *e, struct node *node);
/* Evaluates into `target`, which is written by the last instruction only. */
void sl_compile_to(struct emitter *e, struct node *node, uint16_t target);
/* Jumps if the truth of `node` is `sense`, falls through if not. */
void sl_compile_jump(struct emitter *e, struct node *node, bool sense, struct jumps *jumps);
enum opcode sl_binary_opcode(enum token op);
void sl_compile_function(struct emitter *e, struct function_node *node, uint16_t target);
void sl_store_name(struct emitter *e, struct node *ident, uint16_t value);
void sl_assign(struct emitter *e, struct node *target, uint16_t value, uint32_t offset);
/* begin: leaves the position of the body; `jump` is what sl_loop_end needs. */
struct for_state {
    uint16_t iter, item;
    int32_t to_next;
    int32_t body;
};
void sl_for_begin(struct emitter *e, struct node *targets, uint16_t iterable, uint32_t offset,
                  struct for_state *ret_state);
void sl_for_end(struct emitter *e, const struct for_state *state, uint32_t offset);
void sl_mark_assigned(struct emitter *e, uint32_t local);

/* compile_stmt.c */
void sl_compile_file(struct builder *builder, struct function_node *file);

#endif
