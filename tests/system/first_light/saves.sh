#!/bin/bash
# However a script is saved, it runs exactly once, with the whole text.
# limit: 180
. "$KFS_TOP/tests/system/lib/test.sh"
kfsd_start

E=$K/enclaves/e
P=$E/plan
mkdir "$E"
export HOME=$PWD TERM=xterm

# A script whose text says which save it was.
script() {
    printf 'def run(plan):\n    plan.print("%s")\n' "$1"
}

count_runs() {
    find "$E/runs" -mindepth 1 -maxdepth 1 -type d | wc -l
}

# saved NAME SHELL-COMMAND - the command must lead to exactly one more run, of the file's whole text.
saved() {
    local name=$1 runs
    runs=$(count_runs)
    script "$name" >new.star
    bash -c "$2" >save.log 2>&1 </dev/null || fail "$name: $(cat save.log)"
    cat "$E/wait" >/dev/null || fail "$name: $(cat "$E/error")"
    equal "$name $(count_runs)" "$name $((runs + 1))"
    cmp "$P/app.star" new.star || fail "$name: another text was kept"
    cmp "$E/runs/last/script" new.star || fail "$name: another text ran"
    grep -q "$name" "$E/runs/last/output" || fail "$name: not in the output"
}

export P
saved create 'cp new.star $P/app.star'
saved redirect 'cat new.star > $P/app.star'
saved builtin 'echo "$(cat new.star)" > $P/app.star'
saved group 'head -n1 new.star > a; tail -n1 new.star > b; { cat a; cat b; } > $P/app.star'
saved append 'head -n1 new.star > $P/.head; rm $P/.head; : > $P/app.star; cat new.star >> $P/app.star'
saved overwrite 'cp new.star $P/app.star'
saved tee 'tee $P/app.star < new.star'
saved dd 'dd if=new.star of=$P/app.star bs=7'
saved mv 'cp new.star other; mv other $P/app.star'
saved mv-within 'cp new.star $P/app.new; mv $P/app.new $P/app.star'
saved install 'install -m 644 new.star $P/app.star'
saved sed 'cat new.star > new2; sed -i "s/install/sed/" $P/app.star'
saved perl 'perl -i -pe "s/\"sed\"/\"perl\"/" $P/app.star'
saved rsync 'rsync new.star $P/app.star'
saved rsync-inplace 'rsync --inplace new.star $P/app.star'
saved tar 'cp new.star app.star; tar c app.star | tar x -C $P'
saved python 'python3 -c "
import os
text = open(\"new.star\").read()
with open(os.environ[\"P\"] + \"/app.star\", \"w\") as f: f.write(text)"'
saved vim 'vim -u NONE -n -es -c "set backup writebackup" -c "%d" -c "0r new.star" -c wq $P/app.star'
saved vim-plain 'vim -u NONE -es -c "%d" -c "0r new.star" -c wq $P/app.star'
saved emacs 'emacs -Q --batch $P/app.star --eval "(progn (erase-buffer) (insert-file-contents \"$PWD/new.star\") (setq make-backup-files t) (save-buffer))"'
# An editor on node: truncates, writes, syncs and closes on different threads; or writes beside and renames.
cat >code.js <<'NODE'
const fs = require("fs").promises, file = process.env.P + "/app.star";
(async () => {
    const text = await fs.readFile("new.star");
    if (process.argv[2] == "atomic") {
        await fs.writeFile(file + ".vsctmp", text);
        return fs.rename(file + ".vsctmp", file);
    }
    const handle = await fs.open(file, "w");
    await handle.write(text, 0, 20);
    await handle.write(text, 20);
    await handle.datasync();
    await handle.close();
})();
NODE
saved code 'node code.js'
saved code-atomic 'node code.js atomic'
saved node 'node -e "const fs = require(\"fs\"); fs.writeFileSync(process.env.P + \"/app.star\", fs.readFileSync(\"new.star\"))"'
saved node-stream 'node -e "const fs = require(\"fs\"); fs.createReadStream(\"new.star\").pipe(fs.createWriteStream(process.env.P + \"/app.star\"))"'
saved node-copy 'node -e "require(\"fs\").copyFileSync(\"new.star\", process.env.P + \"/app.star\")"'
saved awk 'awk "{print > (ENVIRON[\"P\"] \"/app.star\")}" new.star'
saved git 'git init -q repository; cp new.star repository/app.star; cd repository; git add .; git -c user.name=a -c user.email=a@b commit -qm "$RANDOM"; git --work-tree=$P checkout -f HEAD -- app.star'
saved scp 'scp -q new.star $P/app.star'
saved busybox 'busybox cp new.star $P/app.star'
saved ed 'printf "%%d\n0r new.star\nw\nq\n" | ed -s $P/app.star'

# What tools do that is no save runs nothing.
runs=$(count_runs)
touch "$P/app.star"
chmod 600 "$P/app.star"
truncate -s 0 "$P/app.star"
rm "$P/app.star"
script swap >"$P/.app.star.swp"
script hash >"$P/#app.star#"
script lock >"$P/.#app.star"
script backup >"$P/app.star~"
mkdir "$P/lib"
script library >"$P/lib/util.star"
sync "$P/lib/util.star" "$P"
cat "$E/wait" >/dev/null
equal "$(count_runs)" "$runs"
finish
