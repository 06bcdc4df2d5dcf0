# rootfs.sh - puts root file systems together from what this machine has installed; sourced.

# A userland of busybox, the usual directories, root.
rootfs_base() {
    local root=$1 applet
    mkdir -p "$root"/usr/{bin,sbin,lib,lib64} "$root"/{tmp,etc,proc,sys,dev,root,run} "$root"/var/{log,lib}
    for dir in bin sbin lib lib64; do ln -s usr/$dir "$root/$dir"; done
    ln -s ../run "$root/var/run"
    chmod 1777 "$root/tmp"
    cp /bin/busybox "$root/usr/bin/busybox"
    for applet in $(/bin/busybox --list); do
        [ -e "$root/usr/bin/$applet" ] || ln -s busybox "$root/usr/bin/$applet"
    done
    echo root:x:0:0:root:/root:/bin/sh >"$root/etc/passwd"
    echo root:x:0: >"$root/etc/group"
    printf 'passwd: files\ngroup: files\nhosts: files dns\n' >"$root/etc/nsswitch.conf"
}

# rootfs_user ROOT NAME ID [HOME]
rootfs_user() {
    echo "$2:x:$3:$3:$2:${4:-/}:/bin/sh" >>"$1/etc/passwd"
    echo "$2:x:$3:" >>"$1/etc/group"
}

# Copies programs and the shared libraries that they need, at their places under the merged /usr.
rootfs_put() {
    local root=$1 file path
    shift
    for file; do
        for path in "$file" $(ldd "$file" 2>/dev/null | grep -o '/[^ )]*' || true); do
            rootfs_put_one "$root" "$path" "$file"
        done
    done
}

rootfs_put_one() {
    local root=$1 from=$2 target=$2
    case $target in /bin/* | /sbin/* | /lib/* | /lib64/*) target=/usr$target ;; esac
    # A library may be there; a program replaces the applet of its name.
    [ "$from" = "$3" ] || [ ! -e "$root$target" ] || return 0
    mkdir -p "$root${target%/*}"
    rm -f "$root$target"
    cp -L "$from" "$root$target"
}

# What glibc loads only when a name is looked up, and ldd therefore does not show.
rootfs_put_resolver() {
    local library
    for library in libnss_files.so.2 libnss_dns.so.2 libresolv.so.2; do
        rootfs_put "$1" "$(gcc -print-file-name=$library)"
    done
}
