# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=sh
# shellcheck disable=SC2034 # used where it is sourced
# Sourced by the scripts of this folder: installing what is missing on Debian and Ubuntu.

# libc6-dev comes with gcc only where recommended packages are installed too.
build_packages="gcc libc6-dev make cmake pkg-config ocl-icd-opencl-dev opencl-headers
libclblast-dev zlib1g-dev libzstd-dev libpng-dev libjpeg-dev libarchive-dev libcjson-dev libxxhash-dev"

say()
{
    printf '== %s\n' "$*" >&2
}

# missing_packages NAME…: prints those that are not installed.
missing_packages()
{
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
            printf ' %s' "$package"
    done
}

# find_administrator MISSING: sets $sudo to what makes this user one who may install.
find_administrator()
{
    if ! command -v apt-get >/dev/null; then
        say "this machine has no apt-get; install the equivalents of:$1"
        exit 1
    fi
    sudo=
    if [ "$(id -u)" != 0 ]; then
        if ! command -v sudo >/dev/null; then
            say "packages are missing, and $(id -un) cannot install them (there is no sudo); as root, run"
            say "    apt-get update && apt-get install --no-install-recommends$1"
            exit 1
        fi
        sudo=sudo
    fi
}

# known_package NAME: whether the distribution has a package of that name.
known_package()
{
    apt-cache show --no-all-versions "$1" >/dev/null 2>&1
}

# install_packages NAME…: installs those that are not there; asks apt for nothing when all are. Of
# those in $optional_packages, which not every distribution has, the unknown are left out.
install_packages()
{
    missing=$(missing_packages "$@")
    # shellcheck disable=SC2086 # a list of names
    missing_optional=$(missing_packages ${optional_packages-})
    [ -n "$missing$missing_optional" ] || return 0
    find_administrator "$missing$missing_optional"
    # Where only optional ones are missing, because the distribution has none of that name, a second
    # run asks the network for nothing.
    if [ -n "$missing" ] || ! known_package gcc; then
        $sudo apt-get update -q
    fi
    for package in $missing_optional; do
        if known_package "$package"; then
            missing="$missing $package"
        else
            say "$package is not in this distribution; what needs it is skipped"
        fi
    done
    [ -n "$missing" ] || return 0
    say "installing${sudo:+ with $sudo}:$missing"
    # shellcheck disable=SC2086 # a list of names
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -q -y --no-install-recommends $missing
}
