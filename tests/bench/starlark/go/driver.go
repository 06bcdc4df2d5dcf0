// The program that stands for starlark-go in the benchmark and in the conformance suite: runs one file.
//
//	driver [-check] [-test] [DIALECT...] FILE
//
// -check parses, resolves and compiles only; -test changes nothing, the names it stands for are always there; the dialect
// options are those of tools/starlark as far as this version has them. Prints to standard output.
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
	flag.Bool("test", false, "no effect")
	flag.BoolVar(&resolve.AllowSet, "set", false, "allow set")
	flag.BoolVar(&resolve.AllowRecursion, "recursion", false, "allow recursion and while")
	flag.BoolVar(&resolve.AllowRecursion, "while", false, "allow recursion and while")
	flag.BoolVar(&resolve.AllowGlobalReassign, "globalreassign", false, "allow reassignment and top-level control flow")
	flag.BoolVar(&resolve.AllowGlobalReassign, "toplevelcontrol", false, "allow reassignment and top-level control flow")
	flag.BoolVar(&resolve.LoadBindsGlobally, "loadbindsglobally", false, "load binds globals")
	flag.Parse()
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
	loading := map[string]bool{}
	thread.Load = func(_ *starlark.Thread, name string) (starlark.StringDict, error) {
		if loading[name] {
			return nil, fmt.Errorf("cycle in load graph")
		}
		loading[name] = true
		defer delete(loading, name)
		return starlark.ExecFile(&starlark.Thread{Print: thread.Print, Load: thread.Load}, name, nil, predeclared)
	}
	if _, err := starlark.ExecFile(thread, flag.Arg(0), source, predeclared); err != nil {
		fail(err)
	}
}
