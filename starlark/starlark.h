/*
 * libstarlark: the Starlark language (https://github.com/bazelbuild/starlark), in the variant of
 * starlark-go, as a library.
 *
 *     struct star_program *program = star_compile(&options, "hello.star", source, length, &error);
 *     struct star_vm *vm = star_vm_new(&config);
 *     star_value module = star_exec(vm, program, predeclared, count);
 *     star_value answer = star_call(vm, star_module_get(module, "main"), NULL);
 *
 * What there is: a *program* is a compiled file: immutable, reference counted, shared freely
 * between threads. A *vm* is an interpreter: a heap of values, a stack, limits. A vm and its values
 * belong to one thread at a time; only star_vm_cancel may be called from another. Nothing is
 * global: any number of vms run in any number of threads.
 *
 * Values are one word, passed by copy. They stay valid for as long as the collector can reach them:
 *
 *   - A collection runs only while Starlark code runs, that is inside star_exec, star_call and what
 * is documented to call back, and in star_vm_collect. A C function that calls none of these need
 * not protect anything.
 *   - What a built-in gets as arguments is kept for as long as it runs. What else it needs across a
 * call back it hands to star_keep, which lasts until that built-in returns.
 *   - What the host holds between calls from outside it puts into a `struct star_root`.
 *   - All else lives as long as something reachable refers to it.
 *
 * Failure: a function that gives a value gives STAR_NULL, one that gives a bool gives false, and
 * the vm holds the error, to be had with star_take_error. A built-in passes it on by returning
 * STAR_NULL; what it does in between must not ignore it. The library never prints, never exits, and
 * never jumps across the host's frames. It needs 1 MiB of C stack.
 *
 * Left out: threads inside a program, a debugger, and files: sources come as bytes, load() as a
 * callback.
 */
#ifndef STARLARK_H
#define STARLARK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define STAR_API               __attribute__((visibility("default")))
#define STAR_PRINTF(at, first) __attribute__((__format__(__printf__, at, first)))

/* A value: an opaque word. Compare two with star_equal, never by their bits. */
typedef struct {
    uint64_t bits;
} star_value;

/* No value: what a failing function returns, and "absent" where that is documented. Never seen by
 * Starlark code. */
#define STAR_NULL ((star_value){0})

static inline bool star_is_null(star_value value)
{
    return value.bits == 0;
}

struct star_vm;
struct star_program;
struct star_root;
struct star_text;
struct star_tracer;

/* ------------------------------------------------------------------------------------------------------------------
 * errors */

enum star_error_kind {
    STAR_ERROR_SYNTAX,    /* the text does not parse; exactly one diagnostic */
    STAR_ERROR_RESOLVE,   /* static errors of names and statements; one diagnostic each, all of them
                           */
    STAR_ERROR_EVAL,      /* an operation failed while running */
    STAR_ERROR_CANCELLED, /* star_vm_cancel */
    STAR_ERROR_LIMIT,     /* steps, memory or depth of calls */
};

struct star_position {
    const char *file; /* the name given to star_compile, "<builtin>" for a built-in */
    int line;         /* from 1; 0 for a built-in */
    int column;       /* from 1, in code points; 0 for a built-in */
};

/* One active call. */
struct star_frame {
    const char *name; /* of the function, "<toplevel>" for a module's own code, "lambda" */
    struct star_position position;
};

struct star_diagnostic {
    struct star_position position;
    const char *message;
};

/* An error as a value: owned by whoever took it, independent of the vm and program that it came
 * from. */
struct star_error {
    enum star_error_kind kind;
    const char *message; /* without position; for static errors the first diagnostic's */
    const char *builtin; /* the built-in that failed, or NULL: "Error in fail: ..." */
    size_t frame_count; /* of a run-time error: the call stack, outermost first, without the failing
                           built-in */
    const struct star_frame *frames;
    size_t diagnostic_count; /* of a static error, in order of appearance */
    const struct star_diagnostic *diagnostics;
    uint64_t tag; /* the host's own mark: what star_fail_tagged was given, else 0 */
};

/* The error as starlark-go prints it: a traceback and "Error: ...", or one "file:line:col: message"
 * a line for static errors. Every line ends in a newline. The result is the caller's to free();
 * NULL when there is no memory. */
STAR_API char *star_error_text(const struct star_error *error);

/* NULL-safe; gives NULL. */
STAR_API struct star_error *star_error_free(struct star_error *error);

/* The vm's pending error, now the caller's, and none is pending any more. NULL when there was none.
 * A built-in may use it to catch what a call back raised; it should pass on STAR_ERROR_CANCELLED
 * and STAR_ERROR_LIMIT (star_raise). */
STAR_API struct star_error *star_take_error(struct star_vm *vm);

/* Makes `error` (now the vm's) pending again; returns STAR_NULL. */
STAR_API star_value star_raise(struct star_vm *vm, struct star_error *error);

/* Fails with a message and the present call stack; returns STAR_NULL, so that a built-in can
 * `return star_fail(vm, ...)`. If an error is pending already, that one stays. starlark-go leads
 * most messages with the name of the built-in ("len: ..."): write it into the message, nothing is
 * added here. */
STAR_API star_value star_fail(struct star_vm *vm, const char *format, ...) STAR_PRINTF(2, 3);

/* The same with a mark that the host finds in the error again. */
STAR_API star_value star_fail_tagged(struct star_vm *vm, uint64_t tag, const char *format, ...)
    STAR_PRINTF(3, 4);

/* The message of the pending error, or NULL when none is pending. Valid until it is taken. */
STAR_API const char *star_error_pending(const struct star_vm *vm);

/* ----------------------------------------------------------------------------------------------------------------
 * programs */

/* Dialect switches, all off by default, as in starlark-go's syntax.FileOptions. */
enum star_dialect {
    STAR_ALLOW_SET = 1 << 0,              /* the set built-in */
    STAR_ALLOW_WHILE = 1 << 1,            /* while statements */
    STAR_ALLOW_TOPLEVEL_CONTROL = 1 << 2, /* if, for and while outside functions */
    STAR_ALLOW_GLOBAL_REASSIGN =
        1 << 3,                    /* a global may be bound more than once; implies nothing else */
    STAR_ALLOW_RECURSION = 1 << 4, /* a function may be entered while it is active; also while
                                      statements, as in starlark-go */
    STAR_LOAD_BINDS_GLOBALLY = 1 << 5, /* load() binds globals, not names local to the file */
    STAR_KEEP_RESULT = 1 << 6, /* a last expression statement's value is kept for star_exec_repl */
};

struct star_compile_options {
    unsigned dialect;               /* enum star_dialect, or-ed */
    const char *const *predeclared; /* names, besides the universe's, that star_exec will give;
                                       NULL-terminated; may be NULL */
};

/* Parses, resolves and compiles `size` bytes of UTF-8. `file` is copied; it is what positions show.
 * `options` may be NULL. Gives a program with one reference, or NULL and the static errors, all of
 * the resolver's, in *ret_error. Touches no vm; any thread may call it. Sources beyond 1 GiB are
 * refused. */
STAR_API struct star_program *star_compile(const struct star_compile_options *options,
                                           const char *file, const char *source, size_t size,
                                           struct star_error **ret_error);

STAR_API struct star_program *star_program_ref(struct star_program *program);
STAR_API struct star_program *
star_program_unref(struct star_program *program); /* NULL-safe; gives NULL */
STAR_API const char *star_program_file(const struct star_program *program);

/* The names of the modules that the program loads, in order: i from 0; NULL past the end. */
STAR_API const char *star_program_load(const struct star_program *program, size_t i);

/* ------------------------------------------------------------------------------------------------------------
 * interpreters */

/* print(): one message without a newline. Called in the middle of evaluation; may call
 * star_frame_at, not star_call. */
typedef void (*star_print_fn)(struct star_vm *vm, void *data, const char *text, size_t size);

/* load("module", ...): the module value to take names from, usually star_exec's of another program,
 * cached by the host. Fails with star_fail or by passing on a failed star_exec; the library leads
 * the message with "cannot load NAME: ". */
typedef star_value (*star_load_fn)(struct star_vm *vm, void *data, const char *module);

/* time.now(): seconds and nanoseconds since 1970. */
typedef void (*star_now_fn)(void *data, int64_t *ret_seconds, int32_t *ret_nanoseconds);

struct star_config {
    uint64_t max_steps;  /* 0: no limit. A step is roughly one operation; built-ins charge for what
                            they walk or make */
    uint64_t max_memory; /* bytes that values and the stack may take; 0: no limit */
    uint32_t max_calls;  /* depth of the call stack; 0: 100,000 */
    bool json_plain_whole_floats; /* json.encode(1.0) gives 1, as Kurtosis's starlark-go does,
                                     not 1.0 */
    star_print_fn print;          /* NULL: print() does nothing */
    star_load_fn load;            /* NULL: "load not implemented by this application" */
    star_now_fn now;              /* NULL: the system's clock */
    void *data;                   /* handed to all of these, and had with star_vm_data */
};

/* `config` is copied and may be NULL. NULL when there is no memory. */
STAR_API struct star_vm *star_vm_new(const struct star_config *config);
STAR_API struct star_vm *
star_vm_free(struct star_vm *vm); /* frees all its values; NULL-safe; gives NULL */
STAR_API void *star_vm_data(const struct star_vm *vm);

/* Stops what runs, soon, with "Starlark computation cancelled: REASON"; and whatever is run later,
 * until star_vm_uncancel. From any thread or signal handler. `reason` must live as long as the vm;
 * of several calls the first one's counts. */
STAR_API void star_vm_cancel(struct star_vm *vm, const char *reason);
STAR_API void star_vm_uncancel(struct star_vm *vm);

STAR_API uint64_t star_vm_steps(const struct star_vm *vm);  /* taken so far */
STAR_API uint64_t star_vm_memory(const struct star_vm *vm); /* bytes in use now, garbage included */
STAR_API void star_vm_collect(struct star_vm *vm); /* frees garbage now; see the rules above */

/* Counts `steps` against the limit; false, with the error pending, when it is used up or the run is
 * cancelled. A built-in that loops over what the script gave calls it now and then. */
STAR_API bool star_charge(struct star_vm *vm, uint64_t steps);

/* A predeclared name, or a member. */
struct star_binding {
    const char *name;
    star_value value;
};

/* Runs a program's top level once. `predeclared` must cover the names that the program was compiled
 * with and uses; others are ignored. Gives the module's value, frozen: type "module", its members
 * the file's globals. On failure STAR_NULL. May be called by a built-in (to import) and, for one
 * program, any number of times. */
STAR_API star_value star_exec(struct star_vm *vm, struct star_program *program,
                              const struct star_binding *predeclared, size_t count);

/* The same with globals kept open, for a read-eval-print loop: begins with the members of `module`
 * (or STAR_NULL) as globals, and gives a module, not frozen, that has the old and the new ones. If
 * `ret_result` is not NULL, it gets the value of the last statement if that is an expression, else
 * None. */
STAR_API star_value star_exec_repl(struct star_vm *vm, struct star_program *program,
                                   star_value module, const struct star_binding *predeclared,
                                   size_t count, star_value *ret_result);

/* What a function was called with. The pointers are valid while it runs. */
struct star_args {
    star_value callee; /* the built-in itself: star_name_of gives its name */
    star_value self;   /* what star_builtin_new_bound was given, else STAR_NULL */
    void *data;        /* what star_builtin_new was given */
    size_t count;      /* positional ones */
    const star_value *values;
    size_t
        named_count; /* keyword ones, in order of the call; f(a=1, **{'a': 2}) gives a name twice */
    const star_value *names; /* strings */
    const star_value *named_values;
};

/* Calls any callable. Only the argument fields of `args` are read; NULL is no arguments. They are
 * kept during the call. The stack of C does not grow by what Starlark calls in turn, except through
 * built-ins; their nesting is bounded. */
STAR_API star_value star_call(struct star_vm *vm, star_value callee, const struct star_args *args);

/* The stack of active calls. Depth 0 is the innermost: inside a built-in, that itself; 1 is where
 * it was called, and so on. False past the outermost. The strings live as long as the call. */
STAR_API bool star_frame_at(const struct star_vm *vm, size_t depth, struct star_frame *ret_frame);
STAR_API size_t star_frame_count(const struct star_vm *vm);

/* ---------------------------------------------------------------------------------------------------------------
 * lifetime */

/* Keeps a value (any, also STAR_NULL) until the running built-in returns; outside of any, until the
 * next star_exec or star_call from outside returns. Gives the value. */
STAR_API star_value star_keep(struct star_vm *vm, star_value value);

/* A root keeps a value until it is freed or the vm is. NULL when there is no memory. */
STAR_API struct star_root *star_root_new(struct star_vm *vm, star_value value);
STAR_API star_value star_root_get(const struct star_root *root);
STAR_API void star_root_set(struct star_root *root, star_value value);
STAR_API struct star_root *star_root_free(struct star_root *root); /* NULL-safe; gives NULL */

/* Makes the value and all that it reaches immutable. Copes with cycles and any depth. */
STAR_API void star_freeze(struct star_vm *vm, star_value value);
STAR_API bool star_is_frozen(star_value value); /* true also of what was never mutable */

/* ------------------------------------------------------------------------------------------------------------------
 * values */

enum star_kind {
    STAR_NONE,
    STAR_BOOL,
    STAR_INT,
    STAR_FLOAT,
    STAR_STRING,
    STAR_BYTES,
    STAR_LIST,
    STAR_TUPLE,
    STAR_DICT,
    STAR_SET,
    STAR_RANGE,
    STAR_STRUCT,
    STAR_MODULE,
    STAR_FUNCTION, /* defined in Starlark */
    STAR_BUILTIN,  /* defined in C, also a bound method */
    STAR_OBJECT, /* of a star_type: a host's, or time.time, time.duration, string.elems and the like
                  */
};

STAR_API enum star_kind star_kind_of(star_value value); /* not of STAR_NULL */
STAR_API const char *
star_type_name(star_value value); /* as type() gives it; lives as long as the vm */
STAR_API bool star_truth(star_value value);

STAR_API star_value star_none(void);
STAR_API star_value star_bool(bool value);

STAR_API star_value star_int(struct star_vm *vm, int64_t value);
STAR_API star_value star_uint(struct star_vm *vm, uint64_t value);
/* From text as int(text, base) takes it; base 0 or 2..36. Fails on bad text. */
STAR_API star_value star_int_parse(struct star_vm *vm, const char *text, size_t size, int base);
STAR_API bool star_int_get(star_value value,
                           int64_t *ret); /* false if not an int or out of range; raises nothing */
STAR_API bool star_uint_get(star_value value, uint64_t *ret);
/* Any int in decimal: use star_str. */

STAR_API star_value star_float(struct star_vm *vm, double value);
STAR_API bool
star_float_get(star_value value,
               double *ret); /* float or int (rounded, false if too large); raises nothing */

/* Text is UTF-8 by convention; any bytes are accepted. Copies. */
STAR_API star_value star_string(struct star_vm *vm, const char *text, size_t size);
STAR_API star_value star_string_z(struct star_vm *vm, const char *text);
STAR_API star_value star_string_printf(struct star_vm *vm, const char *format, ...)
    STAR_PRINTF(2, 3);
STAR_API star_value star_bytes(struct star_vm *vm, const void *bytes, size_t size);
/* The bytes of a string or bytes value, with a NUL behind them, valid as long as the value; NULL
 * for another type. `ret_size` may be NULL. */
STAR_API const char *star_text_of(star_value value, size_t *ret_size);

/* Sequences. `items` may be NULL if count is 0. An index out of range gives STAR_NULL. */
STAR_API star_value star_list_new(struct star_vm *vm, const star_value *items, size_t count);
STAR_API bool star_list_append(struct star_vm *vm, star_value list, star_value item);
STAR_API bool star_list_set(struct star_vm *vm, star_value list, size_t i, star_value item);
STAR_API star_value star_tuple_new(struct star_vm *vm, const star_value *items, size_t count);
STAR_API size_t star_seq_len(star_value list_or_tuple); /* 0 for another type */
STAR_API star_value star_seq_get(star_value list_or_tuple,
                                 size_t i); /* STAR_NULL out of range or for another type */

STAR_API star_value star_dict_new(struct star_vm *vm);
STAR_API bool star_dict_set(struct star_vm *vm, star_value dict, star_value key, star_value value);
STAR_API bool star_dict_set_z(struct star_vm *vm, star_value dict, const char *key,
                              star_value value);
STAR_API star_value
star_dict_get(struct star_vm *vm, star_value dict,
              star_value key); /* STAR_NULL: absent or unhashable; raises nothing */
STAR_API star_value star_dict_get_z(struct star_vm *vm, star_value dict, const char *key);
STAR_API bool star_dict_delete(struct star_vm *vm, star_value dict, star_value key,
                               bool *ret_found);
STAR_API size_t star_dict_len(star_value dict_or_set);
/* In insertion order: begin with *cursor 0; false at the end. Valid while the dict does not change.
 */
STAR_API bool star_dict_next(star_value dict, size_t *cursor, star_value *ret_key,
                             star_value *ret_value);

STAR_API star_value star_set_new(struct star_vm *vm);
STAR_API bool star_set_add(struct star_vm *vm, star_value set, star_value item);
STAR_API bool star_set_has(struct star_vm *vm, star_value set, star_value item);
STAR_API bool star_set_next(star_value set, size_t *cursor, star_value *ret_item);

STAR_API star_value star_range_new(struct star_vm *vm, int64_t start, int64_t stop,
                                   int64_t step); /* step != 0 */

/* A struct. `constructor` is the value that made it, STAR_NULL for the universal `struct`; it is
 * what str() leads with (a string's text, a built-in's name) and structs of different constructors
 * differ. Names distinct, in any order. */
STAR_API star_value star_struct_new(struct star_vm *vm, star_value constructor,
                                    const struct star_binding *fields, size_t count);
STAR_API star_value star_struct_get(star_value value,
                                    const char *name); /* STAR_NULL: no such field */
STAR_API size_t star_struct_len(star_value value);
STAR_API bool star_struct_field(star_value value, size_t i, const char **ret_name,
                                star_value *ret_field);        /* sorted by name */
STAR_API star_value star_struct_constructor(star_value value); /* STAR_NULL: `struct` */

/* A module value. */
STAR_API star_value star_module_new(struct star_vm *vm, const char *name,
                                    const struct star_binding *members, size_t count);
STAR_API star_value star_module_get(star_value module,
                                    const char *name); /* STAR_NULL: no such member */
STAR_API const char *star_module_name(star_value module);
/* In order of definition: begin with *cursor 0; false at the end. Members that were never assigned
 * are passed over. */
STAR_API bool star_module_next(star_value module, size_t *cursor, const char **ret_name,
                               star_value *ret_member);
/* A copy of `module` with one member added or replaced. */
STAR_API star_value star_module_with(struct star_vm *vm, star_value module, const char *name,
                                     star_value member);

/* -------------------------------------------------------------------------------------------------------
 * functions from C */

/* A function in C. Gives its result, never STAR_NULL but with an error pending. */
typedef star_value (*star_builtin_fn)(struct star_vm *vm, const struct star_args *args);

/* `name` is copied. `data` must outlive the value. */
STAR_API star_value star_builtin_new(struct star_vm *vm, const char *name, star_builtin_fn function,
                                     void *data);
/* A bound method: `self` is kept alive, handed over in args->self, and shown by str(). */
STAR_API star_value star_builtin_new_bound(struct star_vm *vm, const char *name,
                                           star_builtin_fn function, void *data, star_value self);

/* What an argument must be, and what is stored for it. An argument that is not given leaves the
 * store as it was. */
enum star_want {
    STAR_WANT_VALUE,    /* star_value: anything */
    STAR_WANT_BOOL,     /* bool */
    STAR_WANT_INT,      /* int64_t; "value out of range" beyond */
    STAR_WANT_INT32,    /* int32_t; likewise */
    STAR_WANT_FLOAT,    /* double; an int is taken too */
    STAR_WANT_STRING,   /* star_value, a string */
    STAR_WANT_TEXT,     /* const char *, a string's bytes; valid while the built-in runs */
    STAR_WANT_BYTES,    /* star_value, bytes */
    STAR_WANT_LIST,     /* star_value */
    STAR_WANT_TUPLE,    /* star_value */
    STAR_WANT_DICT,     /* star_value */
    STAR_WANT_SET,      /* star_value */
    STAR_WANT_STRUCT,   /* star_value */
    STAR_WANT_FUNCTION, /* star_value, a function defined in Starlark */
    STAR_WANT_CALLABLE, /* star_value */
    STAR_WANT_ITERABLE, /* star_value */
};

/* One parameter. A name that ends in "?" is optional, and so are all after it; "??" is optional and
 * takes None for absent. */
struct star_param {
    const char *name;
    enum star_want want;
    void *store;
};

/* Matches arguments with parameters, positional or by name, with the checks and texts of
 * starlark-go's UnpackArgs: "f: got 3 arguments, want at most 2", "f: missing argument for x", "f:
 * for parameter x: got string, want int", "f: unexpected keyword argument \"y\" (did you mean x?)",
 * "f: got multiple values for keyword argument \"x\"". */
STAR_API bool star_unpack(struct star_vm *vm, const struct star_args *args,
                          const struct star_param *params, size_t count);

/* The same for positional-only parameters: "f: unexpected keyword arguments", "f: got 1 arguments,
 * want 2", "f: for parameter 1: got string, want int". The first `min` are required. */
STAR_API bool star_unpack_positional(struct star_vm *vm, const struct star_args *args, size_t min,
                                     const struct star_param *params, size_t count);

/* -----------------------------------------------------------------------------------------------------
 * asking a function */

enum star_param_kind {
    STAR_PARAM_PLAIN,   /* positional or by name */
    STAR_PARAM_KEYWORD, /* by name only: after * or *args */
    STAR_PARAM_ARGS,    /* *args */
    STAR_PARAM_KWARGS,  /* **kwargs */
};

struct star_param_info {
    const char *name; /* lives as long as the function */
    enum star_param_kind kind;
    star_value default_value; /* STAR_NULL: required (or *args, **kwargs) */
    struct star_position position;
};

/* The name of a function, built-in or module; NULL for another type. */
STAR_API const char *star_name_of(star_value callable);
/* Functions defined in Starlark; for another value 0, false, NULL. Parameters in order of the text,
 * *args and **kwargs included. */
STAR_API size_t star_function_param_count(star_value function);
STAR_API bool star_function_param(star_value function, size_t i, struct star_param_info *ret_info);
STAR_API bool star_function_position(star_value function, struct star_position *ret_position);
STAR_API const char *star_function_doc(star_value function); /* its docstring as written, or NULL */
STAR_API bool star_is_callable(star_value value);

/* --------------------------------------------------------------------------------------------------------
 * operations on values */

/* Text under construction, bounded by the vm's memory. Errors stick; the functions that end a text
 * report them. */
STAR_API void star_text_put(struct star_text *text, const char *bytes, size_t size);
STAR_API void star_text_put_z(struct star_text *text, const char *string);
STAR_API void star_text_printf(struct star_text *text, const char *format, ...) STAR_PRINTF(2, 3);
STAR_API void star_text_put_repr(struct star_text *text,
                                 star_value value); /* cycles and depth are minded */

STAR_API star_value star_str(struct star_vm *vm, star_value value);  /* a string, as str() */
STAR_API star_value star_repr(struct star_vm *vm, star_value value); /* a string, as repr() */

/* Comparison fails beyond 10 levels of nesting, as in starlark-go. */
STAR_API bool star_equal(struct star_vm *vm, star_value a, star_value b, bool *ret_equal);
enum star_order {
    STAR_LT,
    STAR_LE,
    STAR_EQ,
    STAR_NE,
    STAR_GE,
    STAR_GT
};
STAR_API bool star_compare(struct star_vm *vm, enum star_order order, star_value a, star_value b,
                           bool *ret_holds);
STAR_API bool star_hash(struct star_vm *vm, star_value value,
                        uint32_t *ret_hash); /* "unhashable type: list" */

enum star_op {
    STAR_ADD,
    STAR_SUB,
    STAR_MUL,
    STAR_DIV,
    STAR_FLOORDIV,
    STAR_MOD,
    STAR_AND,
    STAR_OR,
    STAR_XOR,
    STAR_SHL,
    STAR_SHR,
    STAR_IN,
};
STAR_API star_value star_binary(struct star_vm *vm, enum star_op op, star_value a, star_value b);
STAR_API star_value star_index(struct star_vm *vm, star_value value, star_value key);
STAR_API bool star_len(star_value value, int64_t *ret_len); /* false: has none; raises nothing */

STAR_API star_value star_attr(struct star_vm *vm, star_value value,
                              const char *name); /* fails with a hint */
STAR_API star_value star_attr_if(struct star_vm *vm, star_value value,
                                 const char *name); /* STAR_NULL, no error: none */
STAR_API bool star_set_attr(struct star_vm *vm, star_value value, const char *name, star_value to);
STAR_API star_value star_dir(struct star_vm *vm, star_value value); /* a list of strings, sorted */

/* Iteration over any iterable, with its ban on mutation. Each begin that succeeded needs its end.
 * Values are kept meanwhile. struct star_iter it; if (!star_iter_begin(vm, list, &it)) return
 * STAR_NULL;     // "list value is not iterable" while (star_iter_next(&it, &item)) ... if
 * (!star_iter_end(&it)) return STAR_NULL;                 // an error while iterating */
struct star_iter {
    struct star_vm *vm;
    star_value over;
    star_value state;
    uint64_t cursor;
    bool locked;
};
STAR_API bool star_iter_begin(struct star_vm *vm, star_value iterable, struct star_iter *ret_iter);
STAR_API bool star_iter_next(struct star_iter *iter, star_value *ret_item);
STAR_API bool star_iter_end(struct star_iter *iter);

/* JSON as json.encode and json.decode have it. Failures carry their names ("json.encode: ..."). */
STAR_API star_value star_json_encode(struct star_vm *vm, star_value value); /* a string */
STAR_API star_value star_json_encode_indent(struct star_vm *vm, star_value value,
                                            const char *prefix, const char *indent);
STAR_API star_value star_json_decode(struct star_vm *vm, const char *text, size_t size);

/* ------------------------------------------------------------------------------------------------------------------
 * types */

/* What an iterator of a host's type may use: both begin as 0 and STAR_NULL; the value is kept
 * alive. */
struct star_cursor {
    uint64_t n;
    star_value state;
};

/* A type of value defined in C. Static or living longer than the vm. `name` and `size` are
 * required, the rest may be NULL. Each function gets the vm and the value; star_object_body gives
 * its C part. Functions that fail do so by star_fail. */
struct star_type {
    const char *name; /* type() */
    size_t size;      /* of the C part */
    void (*str)(struct star_vm *vm, star_value self,
                struct star_text *out); /* repr and str; else "<NAME>" */
    bool (*truth)(star_value self);     /* else true */
    bool (*hash)(struct star_vm *vm, star_value self,
                 uint32_t *ret_hash); /* else "unhashable type: NAME" */
    /* Equality and order with a value of the same type, `depth` levels left; else identity and "not
     * implemented". */
    bool (*compare)(struct star_vm *vm, enum star_order order, star_value a, star_value b,
                    bool *ret_holds);
    /* A field: STAR_NULL without an error if there is none. */
    star_value (*attr)(struct star_vm *vm, star_value self, const char *name);
    /* Calls star_list_append with each name; sorted afterwards. Used by dir() and for hints. */
    bool (*attr_names)(struct star_vm *vm, star_value self, star_value list);
    /* x.name = value. A frozen object must refuse (star_is_frozen). */
    bool (*set_attr)(struct star_vm *vm, star_value self, const char *name, star_value to);
    int64_t (*len)(star_value self);
    star_value (*index)(struct star_vm *vm, star_value self, star_value key); /* x[key] */
    bool (*set_index)(struct star_vm *vm, star_value self, star_value key, star_value to);
    /* The next item; false at the end, or with an error pending. */
    bool (*next)(struct star_vm *vm, star_value self, struct star_cursor *cursor,
                 star_value *ret_item);
    /* self OP other if `left`, other OP self if not: STAR_NULL without an error if it does not
     * apply. Also x in self. */
    star_value (*binary)(struct star_vm *vm, enum star_op op, star_value self, star_value other,
                         bool left);
    star_value (*call)(struct star_vm *vm, star_value self, const struct star_args *args);
    /* Calls star_trace with each value that the C part holds. Used by the collector and by
     * star_freeze. */
    void (*trace)(void *body, struct star_tracer *tracer);
    void (*free)(void *body); /* the value is garbage; may not touch other values */
};

/* A value of a host's type, its C part zeroed. */
STAR_API star_value star_object_new(struct star_vm *vm, const struct star_type *type);
STAR_API void *star_object_body(star_value value); /* NULL if not a host's object */
STAR_API const struct star_type *
star_object_type(star_value value); /* NULL if not a host's object */
STAR_API void star_trace(struct star_tracer *tracer, star_value value);

/* ------------------------------------------------------------------------------------------------------
 * library modules */

STAR_API star_value star_lib_struct(struct star_vm *vm); /* the built-in `struct` */
STAR_API star_value
star_lib_module(struct star_vm *vm);                   /* the built-in `module(name, **members)` */
STAR_API star_value star_lib_json(struct star_vm *vm); /* module json */
STAR_API star_value star_lib_math(struct star_vm *vm); /* module math */
STAR_API star_value star_lib_time(
    struct star_vm *vm); /* module time; replace `now` with star_module_with to forbid it */

/* "did you mean": the candidate nearest to `name`, or NULL. Case and underscores do not count. */
STAR_API const char *star_nearest(const char *name, const char *const *candidates, size_t count);

#ifdef __cplusplus
}
#endif

#endif
