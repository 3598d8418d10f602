# A set named by all of its parts is one model, opened once: 399 parts take little memory.
cat > make.py <<'PY'
import struct
def text(t): return struct.pack("<Q", len(t)) + t.encode()
def number(key, value): return text(key) + struct.pack("<II", 4, value)
parts = 399
for i in range(parts):
    keys = [text("split.no") + struct.pack("<IH", 2, i), text("split.count") + struct.pack("<IH", 2, parts),
            text("split.tensors.count") + struct.pack("<Ii", 5, parts)]
    if i == 0: keys += [text("general.architecture") + struct.pack("<I", 8) + text("llama"), number("llama.block_count", parts)]
    tensor = text(f"blk.{i}.ffn_up.weight") + struct.pack("<IQQIQ", 2, 512, 512, 1, 0)
    header = b"GGUF" + struct.pack("<IQQ", 3, 1, len(keys)) + b"".join(keys) + tensor
    header += bytes(-len(header) % 32)
    with open(f"big-{i + 1:05}-of-{parts:05}.gguf", "wb") as file:
        file.write(header)
        file.truncate(len(header) + 512 * 512 * 2)
PY
python3 make.py
cat > measure.py <<'PY'
import glob, json, resource, shutil, subprocess, sys
paths = sorted(glob.glob("big-*.gguf"))
paths += ["./" + path for path in paths]
done = subprocess.run(["weigh", *sys.argv[1:], "--json", *paths], stdout=subprocess.PIPE)
document = json.loads(done.stdout)
models = document.get("models", document.get("audits"))
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss  # KiB
sanitized = any(mark in open(shutil.which("weigh"), "rb").read() for mark in (b"__asan_init", b"__tsan_init"))
most = 1_000_000 if sanitized else 100_000
print(len(models), "model,", len(models[0]["files"]), "files,", "little memory" if peak < most else f"{peak} KiB")
PY
for command in inspect "fit --on rtx-4090" audit; do python3 measure.py $command; done
weigh big-00003-of-00399.gguf big-00001-of-00399.gguf testdata/gguf/good/v3.gguf big-*.gguf testdata/gguf/good/v3.gguf -q --format csv | cut -d, -f1
