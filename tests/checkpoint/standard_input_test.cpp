#include "src/checkpoint/standard_input.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <thread>

#include "formats/error.h"
#include "src/checkpoint/open_checkpoint.h"
#include "src/source/folder.h"
#include "tests/catch.h"

using namespace weigh::core;

namespace {

namespace fs = std::filesystem;

std::string content(const std::string& file) {
  std::ifstream in(std::string(WEIGH_TESTDATA) + "/" + file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// What a pipe has that was written into it; `left` is what the reader left there.
struct Piped {
  Snapshot snapshot;
  std::uint64_t left = 0;
};
Piped read_piped(const std::string& bytes) {
  std::array<int, 2> ends{};
  REQUIRE(::pipe(ends.data()) == 0);
  std::thread writer([&] {
    for (std::size_t at = 0; at < bytes.size();) {
      const ssize_t written = ::write(ends[1], bytes.data() + at, std::min<std::size_t>(bytes.size() - at, 1000));
      if (written <= 0) break;
      at += static_cast<std::size_t>(written);
    }
    ::close(ends[1]);
  });
  Piped piped;
  std::exception_ptr error;
  try {
    piped.snapshot = read_header_stream(ends[0]);
  } catch (const Error&) {
    error = std::current_exception();
  }
  std::array<char, 4096> rest{};
  while (true) {
    const ssize_t got = ::read(ends[0], rest.data(), rest.size());
    if (got <= 0) break;
    piped.left += static_cast<std::uint64_t>(got);
  }
  writer.join();
  ::close(ends[0]);
  if (error) std::rethrow_exception(error);
  return piped;
}

}  // namespace

TEST_CASE("a header on a stream stands for the whole file") {
  const std::string file =
      GENERATE(values<std::string>({"gguf/good/v3.gguf", "gguf/good/v2.gguf", "gguf/good/moe-merged.gguf",
                                    "safetensors/good/every-dtype.safetensors"}));
  CAPTURE(file);
  const auto opened = open_checkpoints(std::string(WEIGH_TESTDATA) + "/" + file);
  REQUIRE(opened.checkpoints.size() == 1);
  const ModelFile& whole = opened.checkpoints.front().files.front();
  const std::uint64_t header = whole.header_bytes;
  const Piped piped = read_piped(content(file).substr(0, header));
  REQUIRE(piped.snapshot.files.size() == 1);
  CHECK(piped.snapshot.files.front().file_bytes == whole.file_bytes);
  CHECK(piped.snapshot.files.front().head.size() == header);
}

TEST_CASE("what comes after a header stays in the stream") {
  const std::string file = content("gguf/good/v3.gguf");
  const std::string data(8 << 20, 'w');
  const Piped piped = read_piped(file + data);
  CHECK(piped.left > data.size() - (64 << 10) - 1);
  CHECK(piped.snapshot.files.front().file_bytes <= file.size());
}

TEST_CASE("a stream that is no header, or half of one, is an error that says so") {
  CHECK_THROWS_WITH(read_piped(""), "is empty");
  CHECK_THROWS_WITH(read_piped("GGUF"), contains_text("ends after 4 bytes"));
  CHECK_THROWS_WITH(read_piped(content("gguf/good/v3.gguf").substr(0, 100)), contains_text("ends after 100 bytes"));
  CHECK_THROWS_AS(read_piped(std::string(100'000, 'x')), FormatError);
  CHECK_THROWS_AS(read_piped("\x28\xB5\x2F\xFD and no zstd"), FormatError);
}
