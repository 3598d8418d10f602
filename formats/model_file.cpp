#include "formats/model_file.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string_view>

#include "formats/error.h"
#include "formats/gguf.h"
#include "formats/lfs_pointer.h"
#include "formats/safetensors.h"
#include "formats/snapshot.h"
#include "formats/text.h"

namespace weigh::core {

namespace {

using std::string_view_literals::operator""sv;

// The first bytes of a file, and what else helps to tell what it is.
struct Sniff {
  std::string_view head;
  std::uint64_t file_bytes;
  std::string_view path;
};

std::span<const std::byte> bytes(const Sniff& sniff) { return std::as_bytes(std::span(sniff.head)); }

bool begins_ignoring_case(std::string_view text, std::string_view beginning) {
  return same_letters(text.substr(0, beginning.size()), beginning);
}

std::string_view without_blanks(std::string_view text) {
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const auto first = text.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos ? std::string_view{} : text.substr(first);
}

bool is_empty(const Sniff& sniff) { return sniff.file_bytes == 0; }
bool is_short(const Sniff& sniff) { return sniff.file_bytes < 8; }
bool is_gguf(const Sniff& sniff) { return looks_like_gguf(bytes(sniff)); }
bool is_safetensors(const Sniff& sniff) { return looks_like_safetensors(bytes(sniff), sniff.file_bytes); }
bool is_lfs_pointer(const Sniff& sniff) { return read_lfs_pointer(sniff.head).has_value(); }
bool is_zstd(const Sniff& sniff) { return looks_like_zstd(bytes(sniff)); }

bool is_html(const Sniff& sniff) {
  const std::string_view text = without_blanks(sniff.head);
  return begins_ignoring_case(text, "<!doctype") || begins_ignoring_case(text, "<html");
}

bool is_numpy_archive(const Sniff& sniff) {
  return sniff.path.ends_with(".npz") || sniff.head.find(".npy") != std::string_view::npos;
}

bool is_pickle(const Sniff& sniff) {
  return sniff.head.size() >= 2 && sniff.head[0] == '\x80' && sniff.head[1] >= 2 && sniff.head[1] <= 5;
}

bool is_server_error(const Sniff& sniff) {
  const std::string_view text = without_blanks(sniff.head);
  return begins_ignoring_case(text, "{\"error") || begins_ignoring_case(text, "{ \"error");
}

bool is_json(const Sniff& sniff) {
  return without_blanks(sniff.head).starts_with('{') && is_utf8(sniff.head.substr(0, sniff.head.size() / 2));
}

std::string lfs_words(const Sniff& sniff) {
  const auto pointer = read_lfs_pointer(sniff.head);
  const std::string size = pointer->size.empty() ? "" : " of " + std::string(pointer->size) + " bytes";
  return "is a git-lfs pointer, not the model" + size + "; run 'git lfs pull' in its folder";
}

std::string short_words(const Sniff& sniff) {
  return "is too short for a model: found " + std::to_string(sniff.file_bytes) + " bytes, expected at least 8";
}

// A format that is read, or one that is known and named. A row matches when all that it states does.
struct KnownFormat {
  std::string_view magic = {};  // the bytes at `at`
  std::size_t at = 0;
  std::string_view suffix = {};  // of the path
  bool (*matches)(const Sniff&) = nullptr;
  ModelFile (*read)(ByteSource&) = nullptr;         // of what is read; the others have words
  std::string_view words = {};                      // "is ...", of the error that says so
  std::string (*words_of)(const Sniff&) = nullptr;  // instead of `words`
  FindingCode code = FindingCode::OtherFormat;      // of that error

  [[nodiscard]] bool is(const Sniff& sniff) const {
    return sniff.head.substr(std::min(at, sniff.head.size())).starts_with(magic) && sniff.path.ends_with(suffix) &&
           (matches == nullptr || matches(sniff));
  }
};

// Asked from the top: what is read first (a safetensors length and brace are surer than the two bytes of some magics: a
// header of 640 bytes starts like a pickle), then magic numbers, guesses last.
constexpr auto kKnownFormats = std::to_array<KnownFormat>({
    {.matches = is_empty, .words = "is empty", .code = FindingCode::EmptyFile},
    {.matches = is_gguf, .read = read_gguf},
    {.matches = is_safetensors, .read = read_safetensors},
    {.matches = is_lfs_pointer, .words_of = lfs_words, .code = FindingCode::LfsPointer},
    {.matches = is_html,
     .words = "is an HTML page, not a model: a download that went wrong, often for want of a login"},
    {.magic = "PK\x03\x04",
     .matches = is_numpy_archive,
     .words = "is a NumPy archive (.npz), which weigh does not read"},
    {.magic = "PK\x03\x04",
     .words = "is a zip archive, as PyTorch writes its pickles (.pt, .bin); it is not read, for loading a pickle can "
              "run any code: ask for the safetensors file",
     .code = FindingCode::PickleInPlace},
    {.matches = is_pickle,
     .words = "is a Python pickle (old PyTorch); it is not read, for loading one can run any code: ask for the "
              "safetensors file",
     .code = FindingCode::PickleInPlace},
    {.magic = "\x93NUMPY", .words = "is a NumPy array, which weigh does not read"},
    {.magic = "lmgg",
     .words = "is an unversioned ggml file (llama.cpp before April 2023, or whisper.cpp); convert it to GGUF"},
    {.magic = "fmgg", .words = "is a ggmf file (llama.cpp of March 2023); convert it to GGUF"},
    {.magic = "tjgg", .words = "is a ggjt file (llama.cpp before August 2023); convert it to GGUF"},
    {.magic = "algg", .words = "is a ggla file (a LoRA of llama.cpp in 2023); convert it to GGUF"},
    {.magic = "nsgg", .words = "is a saved llama.cpp session, not a model"},
    {.magic = "qsgg", .words = "is a saved llama.cpp session, not a model"},
    {.magic = "\x89HDF\r\n\x1a\n", .words = "is an HDF5 file (Keras .h5), which weigh does not read"},
    {.magic = "\0\5\x16\7"sv,
     .words = "is a macOS sidecar (AppleDouble): what the Finder notes of a file, not the model"},
    {.magic = "TFL3", .at = 4, .words = "is a TensorFlow Lite model, which weigh does not read"},
    {.magic = "MZqFpD", .words = "is a llamafile: a program with a GGUF inside; extract the GGUF with unzip"},
    {.magic = "\177ELF", .words = "is a program, not a model"},
    {.magic = "MZ", .words = "is a program, not a model"},
    {.magic = "\x1f\x8b", .words = "is compressed with gzip; unpack it first"},
    {.magic = "\3757zXZ\0"sv, .words = "is compressed with xz; unpack it first"},
    {.magic = "BZh", .words = "is compressed with bzip2; unpack it first"},
    {.magic = "7z\xbc\xaf\x27\x1c", .words = "is a 7z archive; unpack it first"},
    {.magic = "ustar", .at = 257, .words = "is a tar archive; unpack it first"},
    {.matches = is_zstd, .words = "is compressed with zstd, but what is inside is no model that weigh reads"},
    {.magic = "\x08", .suffix = ".onnx", .words = "is an ONNX model, which weigh does not read"},
    {.matches = is_server_error, .words = "is the error message of a server, not a model: a download that went wrong"},
    {.matches = is_json, .words = "is JSON text, not a model"},
    {.matches = is_short, .words_of = short_words, .code = FindingCode::TruncatedHeader},
    // By its name, so that the sentence can say what a safetensors header should have been.
    {.suffix = ".safetensors", .read = read_safetensors},
    {.suffix = ".gguf", .read = read_gguf},
});

}  // namespace

// The system hands out fresh memory in pages of 4 KiB, which take longer than reading a header into them. What is large
// begins where a large page does.
ByteBuffer allocate_bytes(std::uint64_t size) {
  const bool large = size >= 2 * kLargePage;
  ByteBuffer bytes(
      static_cast<std::byte*>(large ? std::aligned_alloc(kLargePage, size / kLargePage * kLargePage + kLargePage)
                                    : std::malloc(std::max<std::uint64_t>(size, 1))));
  if (bytes == nullptr) throw std::bad_alloc();
#ifdef MADV_HUGEPAGE
  if (large) ::madvise(bytes.get(), size / kLargePage * kLargePage, MADV_HUGEPAGE);  // if refused, nothing is lost
#endif
  return bytes;
}

std::string_view format_name(Format format) { return format == Format::Gguf ? "gguf" : "safetensors"; }

ModelFile read_model_file(ByteSource& source, std::string_view path) {
  std::array<std::byte, 512> head{};
  const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(head.size(), source.available()));
  source.read(0, std::span(head).first(length));
  const Sniff sniff{{reinterpret_cast<const char*>(head.data()), length}, source.size(), path};
  const auto* known = std::ranges::find_if(kKnownFormats, [&](const KnownFormat& row) { return row.is(sniff); });
  if (known == kKnownFormats.end()) {
    throw FormatError("is no model file that weigh knows: it begins with neither GGUF nor a safetensors header", 0);
  }
  if (known->read != nullptr) return known->read(source);
  const std::string words = known->words_of != nullptr ? known->words_of(sniff) : std::string(known->words);
  throw FormatError(words, std::nullopt, known->code);
}

}  // namespace weigh::core
