#!/bin/bash
# plan/ holds ordinary files: whatever makes, links, moves, locks and searches files works there as
# elsewhere, a git repository included.
. "$KFS_TOP/tests/system/lib/test.sh"
kfsd_start
P=$K/enclaves/e/plan
mkdir "$K/enclaves/e"
export HOME=$PWD

cd "$P"
mkdir -p a/b/c
echo one >a/b/c/file
mv a/b/c/file a/file
cp -r a copy
diff -r a/b copy/b
ln -s a/file link
equal "$(cat link)" one
chmod 640 a/file
equal "$(stat -c %a a/file)" 640
touch -d 2020-01-02T03:04:05Z a/file
equal "$(date -u -d "@$(stat -c %Y a/file)" +%F)" 2020-01-02
truncate -s 100000 big
equal "$(stat -c %s big)" 100000
dd if=/dev/urandom of=random bs=64k count=20 status=none
cp random again
cmp random again
printf x | dd of=random bs=1 seek=70000 conv=notrunc status=none
equal "$(cmp -l random again | wc -l)" 1
echo more >>a/file
equal "$(wc -l <a/file)" 2
flock a/file true
python3 -c "
import mmap
with open('big', 'r+b') as f:
    m = mmap.mmap(f.fileno(), 0)
    m[0:5] = b'hello'
    m.flush()
print(open('big', 'rb').read(5))"
tar -cf t.tar a
rm -r a
tar -xf t.tar
equal "$(cat a/file | head -n 1)" one
zip -qr t.zip a
rsync -a a/ synced/
equal "$(rsync -ain a/ synced/)" ""

git init -q .
git config user.email a@b
git config user.name a
git add copy
git commit -qm 'In a file system of containers'
git status --porcelain >/dev/null
git fsck --strict >/dev/null 2>&1
equal "$(git log --oneline | wc -l)" 1
git rm -q -r copy
git checkout -q HEAD -- copy
equal "$(cat copy/file)" one

cd "$OLDPWD"

# Who watches a directory sees there what is seen of the same work elsewhere.
work() {
    echo x >f
    echo y >>f
    cat f >/dev/null
    mv f g
    ln -s g l
    chmod 600 g
    touch g
    truncate -s 1 g
    cp g h
    mv h g
    mkdir d
    echo z >d/inner
    rmdir d 2>/dev/null || true
    rm -r d l g
    echo end >end
}

# events DIRECTORY - what inotify tells of that work in it.
events() {
    rm -f established
    inotifywait -m -r --format '%w %e %f' "$1" >events.raw 2>established &
    local watcher=$!
    eventually 5 grep -q '^Watches established' established
    (cd "$1" && work)
    eventually 5 grep -q 'CLOSE_WRITE.* end$' events.raw
    kill $watcher
    # The directory that is made while it is watched: whether what is in it is seen is a race.
    sed -e "s,^$1/*,," -e '/^d\//d' events.raw
}
mkdir elsewhere
mount -t tmpfs none elsewhere
equal "$(events "$P")" "$(events "$PWD/elsewhere")"
grep -q MOVED_TO events.raw
umount elsewhere
cd "$P"
rm end
equal "$(ls "$K/enclaves/e/runs")" ""
find . -mindepth 1 -delete
equal "$(ls -A)" ""
cd "$OLDPWD"
finish
