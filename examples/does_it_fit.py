#!/usr/bin/env python3
"""What a model is, and whether it fits a device: does_it_fit.py PATH [DEVICE]"""
import ctypes
import json
import os
import sys

lib = ctypes.CDLL(os.environ.get("LIBWEIGH", "libweigh.so"))
lib.weigh_last_error.restype = ctypes.c_char_p


def inspect(path, *options):
    """The JSON of `weigh PATH --json` as a dictionary."""
    names = (ctypes.c_char_p * (len(options) + 1))(*[os.fsencode(option) for option in options], None)
    text = ctypes.c_char_p()
    if lib.weigh_inspect_json(os.fsencode(path), names, ctypes.byref(text)) != 0:
        sys.exit(lib.weigh_last_error().decode())
    document = json.loads(text.value)
    lib.weigh_free(text)
    return document


def as_text(function, number):
    text = ctypes.create_string_buffer(32)
    function(ctypes.c_uint64(number), text, ctypes.c_size_t(len(text)))
    return text.value.decode()


report = inspect(sys.argv[1], f"on={sys.argv[2] if len(sys.argv) > 2 else '24GiB'}", "context=8192")
for error in report["errors"]:
    sys.exit(f"{error['path']}: {error['message']}")
for model in report["models"]:
    total = model["parameters"]["total"]
    parameters = "unknown" if total is None else as_text(lib.weigh_parameters_text, total)
    print(f"{model['name']}: {parameters} parameters, {as_text(lib.weigh_bytes_text, model['weights']['bytes'])}")
    for fit in model["fit"]:
        need, budget = (as_text(lib.weigh_bytes_text, b) for b in (fit["need"]["total"], fit["budget_bytes"]))
        print(f"{fit['device']}: {fit['verdict']}, needs {need} of {budget}")
