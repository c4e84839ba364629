# Sourced by the Makefile before each command: the Java that set-up found when PATH offers none that fits.
if [ -z "${JAVA_HOME:-}" ] && [ -s .venv/java-home ]; then
  JAVA_HOME=$(cat .venv/java-home)
  export JAVA_HOME
fi
