# python: Debian's python3.11 with its standard library.
TAGS="python:3.11-slim python:3.11-alpine"
CHANGES=('CMD ["python3"]' 'ENV PYTHONUNBUFFERED=1')

rootfs() {
    local root=$1 library
    rootfs_put_resolver "$root"
    rootfs_put "$root" /usr/bin/python3.11
    ln -s python3.11 "$root/usr/bin/python3"
    ln -s python3.11 "$root/usr/bin/python"
    python_files | tar -C / -h --no-recursion -c -T - | tar -C "$root" -x
    for library in "$root"/usr/lib/python3.11/lib-dynload/*.so; do
        rootfs_put "$root" "${library#"$root"}"
    done
}

python_files() {
    dpkg -L libpython3.11-minimal libpython3.11-stdlib | grep '^/usr/lib/python3.11/' |
        while read -r file; do [ -d "$file" ] || echo "$file"; done
}
