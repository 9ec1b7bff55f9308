#!/bin/sh
# Datadog's own validators. They know an integration only as a folder of a repository with many, so this one is copied
# into such a repository first. Several exit with 0 when they find nothing to validate, so the line that says how much
# they did is asked for too.
set -eu
cd "$(dirname "$0")/.."
root=$PWD
work=$root/.validate
holder=$work/integrations-extras
PYTHON=${PYTHON313:-python3.13}

if ! "$PYTHON" -I -c 'import sys; sys.exit(sys.version_info < (3, 13))' 2>/dev/null; then
    echo "The validators need Python 3.13, and there is no $PYTHON here. Name one: make validate PYTHON313=..." >&2
    exit 3
fi
unset PYTHONPATH PYTHONHOME VIRTUAL_ENV
if ! test -x "$work/venv/bin/ddev"; then
    echo 'Preparing ddev (about a minute)'
    "$PYTHON" -I -m venv --clear "$work/venv"
    # Two calls: in one, the resolver goes back to old versions that have to be compiled.
    "$work/venv/bin/python" -I -m pip install --quiet ddev==20.1.0
    "$work/venv/bin/python" -I -m pip install --quiet 'datadog-checks-base[deps]==38.5.0'
fi

rm -rf "$holder"
mkdir -p "$holder/.github" "$holder/amazon_ses"
git init --quiet "$holder"
git ls-files --cached --others --exclude-standard | tar -cf - -T - | tar -xf - -C "$holder/amazon_ses"
echo '/amazon_ses/ @owner' >"$holder/.github/CODEOWNERS"
grep -o 'boto3==[0-9.]*' pyproject.toml >"$holder/agent_requirements.in"
cat >"$work/ddev.toml" <<EOF
repo = "extras"
upgrade_check = false
[repos]
extras = "$holder"
EOF
export DDEV_CONFIG="$work/ddev.toml"
cd "$holder"

failed=0
validate() {
    name=$1 says=$2
    shift 2
    if output=$("$work/venv/bin/ddev" --no-interactive validate "$name" "$@" 2>&1 </dev/null) &&
        printf '%s' "$output" | tr '\n' ' ' | tr -s ' ' | grep -q "$says"; then
        echo "ok      $name"
    else
        failed=1
        echo "FAILED  $name"
        printf '%s\n' "$output"
    fi
}
dashboards=$(find amazon_ses/assets/dashboards -name '*.json' 2>/dev/null | wc -l)
validate config 'configuration files are valid' amazon_ses
validate models 'data model files are in sync' amazon_ses
validate metadata 'Passed: 1' amazon_ses
validate package '1 valid files' amazon_ses
validate readmes 'All 1 READMEs are valid' amazon_ses
validate imports 'Validation passed' amazon_ses
validate integration-style 'for 1 integrations' amazon_ses
validate legacy-signature 'uses the new agent signature' amazon_ses
validate http 'Passed: 1' amazon_ses
validate dep 'All dependencies are valid' amazon_ses
if test "$dashboards" -gt 0; then
    validate dashboards "$dashboards valid files" amazon_ses
fi
validate service-checks '1 valid files' amazon_ses
validate saved-views 'saved views are valid' amazon_ses
validate codeowners 'valid codeowners'
exit $failed
