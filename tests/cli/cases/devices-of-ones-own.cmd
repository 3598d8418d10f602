printf 'id,name,vendor,kind,memory_bytes\nmy-box,My box,NVIDIA,discrete-gpu,25769803776\n' >mine.csv
WEIGH_DEVICES=mine.csv weigh devices my-box --format csv
WEIGH_DEVICES=mine.csv weigh testdata/gguf/good/v3.gguf --on my-box --format csv | cut -d, -f20
