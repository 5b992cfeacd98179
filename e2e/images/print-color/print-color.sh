#!/bin/sh
# Prints this child's colour: line AWS_BATCH_JOB_ARRAY_INDEX of the list, counted from 0.
set -eu
color=$(sed -n "$((AWS_BATCH_JOB_ARRAY_INDEX + 1))p" /tmp/colors.txt)
echo "My favorite color of the rainbow is $color."
