/* The tokens of Starlark, one row each: enumerator, and the text that error messages show. */
#ifndef STARLARK_TOKEN_H
#define STARLARK_TOKEN_H

/* clang-format off */
#define TOKENS(X)                                                                                       \
    X(ILLEGAL, "illegal token") X(EOF, "end of file") X(NEWLINE, "newline") X(INDENT, "indent")          \
    X(OUTDENT, "outdent") X(IDENT, "identifier") X(INT, "int literal") X(FLOAT, "float literal")         \
    X(STRING, "string literal") X(BYTES, "bytes literal")                                                \
    X(PLUS, "'+'") X(MINUS, "'-'") X(STAR, "'*'") X(SLASH, "'/'") X(SLASHSLASH, "'//'")                  \
    X(PERCENT, "'%'") X(AMP, "'&'") X(PIPE, "'|'") X(CIRCUMFLEX, "'^'") X(LTLT, "'<<'")                  \
    X(GTGT, "'>>'") X(TILDE, "'~'") X(DOT, "'.'") X(COMMA, "','") X(EQ, "'='") X(SEMI, "';'")            \
    X(COLON, "':'") X(LPAREN, "'('") X(RPAREN, "')'") X(LBRACK, "'['") X(RBRACK, "']'")                  \
    X(LBRACE, "'{'") X(RBRACE, "'}'") X(LT, "'<'") X(GT, "'>'") X(GE, "'>='") X(LE, "'<='")              \
    X(EQL, "'=='") X(NEQ, "'!='") X(PLUS_EQ, "'+='") X(MINUS_EQ, "'-='") X(STAR_EQ, "'*='")              \
    X(SLASH_EQ, "'/='") X(SLASHSLASH_EQ, "'//='") X(PERCENT_EQ, "'%='") X(AMP_EQ, "'&='")                \
    X(PIPE_EQ, "'|='") X(CIRCUMFLEX_EQ, "'^='") X(LTLT_EQ, "'<<='") X(GTGT_EQ, "'>>='")                  \
    X(STARSTAR, "'**'") X(AND, "and") X(BREAK, "break") X(CONTINUE, "continue") X(DEF, "def")            \
    X(ELIF, "elif") X(ELSE, "else") X(FOR, "for") X(IF, "if") X(IN, "in") X(LAMBDA, "lambda")            \
    X(LOAD, "load") X(NOT, "not") X(NOT_IN, "not in") X(OR, "or") X(PASS, "pass")                        \
    X(RETURN, "return") X(WHILE, "while") X(RESERVED, "reserved word")
/* clang-format on */

enum token {
#define X(name, text) T_##name,
    TOKENS(X)
#undef X
    TOKEN_MAX
};

#endif
