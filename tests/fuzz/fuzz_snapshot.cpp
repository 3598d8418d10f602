#include "formats/error.h"
#include "formats/snapshot.h"
#include "tests/formats/touch.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    for (const weigh::SnapshotFile& file : weigh::read_snapshot(std::as_bytes(std::span(data, size))).files) {
      weigh::MemorySource source(file.head, file.file_bytes);
      weigh::touch(weigh::read_model_file(source, file.name));
    }
  } catch (const weigh::Error&) {
  }
  return 0;
}
