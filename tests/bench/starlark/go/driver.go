// The program that stands for starlark-go in the benchmark and in the conformance suite: runs one file.
//
//	driver [-check] [-dialect] FILE
//
// -check parses, resolves and compiles only; -dialect allows what is off by default. Prints to standard output.
// It is built in GOPATH mode on Debian's golang-starlark-dev, so nothing is downloaded.
package main

import (
	"flag"
	"fmt"
	"io/ioutil"
	"os"

	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkjson"
	"go.starlark.net/starlarkstruct"
)

func fail(err error) {
	if trace, ok := err.(*starlark.EvalError); ok {
		fmt.Fprintln(os.Stderr, trace.Backtrace())
	} else if all, ok := err.(resolve.ErrorList); ok {
		for _, one := range all {
			fmt.Fprintln(os.Stderr, one)
		}
	} else {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(1)
}

// catch(f) calls f and gives the message of its error, or None: what conformance suites are written with.
func catch(thread *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	if _, err := starlark.Call(thread, args[0], nil, nil); err != nil {
		return starlark.String(err.Error()), nil
	}
	return starlark.None, nil
}

func freeze(_ *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, _ []starlark.Tuple) (starlark.Value, error) {
	args[0].Freeze()
	return args[0], nil
}

func main() {
	check := flag.Bool("check", false, "parse, resolve and compile only")
	dialect := flag.Bool("dialect", false, "allow sets, while, recursion, reassigned globals")
	flag.Parse()
	resolve.AllowSet = *dialect
	resolve.AllowGlobalReassign = *dialect
	resolve.AllowRecursion = *dialect
	predeclared := starlark.StringDict{
		"struct": starlark.NewBuiltin("struct", starlarkstruct.Make),
		"module": starlark.NewBuiltin("module", starlarkstruct.MakeModule),
		"json":   starlarkjson.Module,
		"catch":  starlark.NewBuiltin("catch", catch),
		"freeze": starlark.NewBuiltin("freeze", freeze),
	}
	source, err := ioutil.ReadFile(flag.Arg(0))
	if err != nil {
		fail(err)
	}
	if *check {
		if _, _, err := starlark.SourceProgram(flag.Arg(0), source, predeclared.Has); err != nil {
			fail(err)
		}
		return
	}
	thread := &starlark.Thread{Print: func(_ *starlark.Thread, text string) { fmt.Println(text) }}
	if _, err := starlark.ExecFile(thread, flag.Arg(0), source, predeclared); err != nil {
		fail(err)
	}
}
