# Resolves the pins of the training images. Argument: the uv to use (`make training-requirements` gives it).
set -eu
resolve() { "$uv" pip compile --quiet --generate-hashes --custom-compile-command "make training-requirements" "$@"; }
uv=$1
cd "$(dirname "$0")"
no_torch=$(mktemp)
echo "torch ; sys_platform == 'never'" > "$no_torch"
resolve --universal --python-version 3.11 --override "$no_torch" --no-emit-package torch \
    huggingface/requirements.in --output-file huggingface/requirements.txt
resolve --python-platform x86_64-manylinux_2_28 --python-version 3.12 --constraint huggingface/requirements.txt \
    huggingface/torch.txt --output-file huggingface/cuda.txt
resolve --python-platform x86_64-manylinux_2_28 --python-version 3.12 \
    unsloth/requirements.in --output-file unsloth/requirements.txt
rm "$no_torch"
