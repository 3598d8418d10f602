#include "formats/model_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>

#include "formats/error.h"
#include "formats/gguf.h"
#include "formats/lfs_pointer.h"
#include "formats/safetensors.h"
#include "formats/snapshot.h"
#include "formats/text.h"
#include "formats/unique.h"

namespace weigh::core {

namespace {

// The first bytes of a file, and what else helps to tell what it is.
struct Sniff {
  std::string_view head;
  std::uint64_t file_bytes;
  std::string_view path;

  [[nodiscard]] bool begins(std::string_view magic, std::size_t at = 0) const {
    return head.size() >= at + magic.size() && head.substr(at, magic.size()) == magic;
  }
  [[nodiscard]] bool ends(std::string_view suffix) const { return path.ends_with(suffix); }
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

bool is_html(const Sniff& sniff) {
  const std::string_view text = without_blanks(sniff.head);
  return begins_ignoring_case(text, "<!doctype") || begins_ignoring_case(text, "<html");
}

bool is_pickle(const Sniff& sniff) {
  return sniff.head.size() >= 2 && sniff.head[0] == '\x80' && sniff.head[1] >= 2 && sniff.head[1] <= 5;
}

std::string lfs_sentence(const Sniff& sniff) {
  const auto pointer = read_lfs_pointer(sniff.head);
  std::string sentence = "is a git-lfs pointer, not the model";
  if (!pointer->size.empty()) sentence += " of " + std::string(pointer->size) + " bytes";
  return sentence + "; run 'git lfs pull' in its folder";
}

// A format that is read, or a thing that is known and named instead of "unknown". Asked from the top: what is
// read first (a safetensors length and brace are surer than the two bytes of some magics: a header of 640 bytes starts
// like a pickle), then magic numbers, guesses last.
struct Reader {
  bool (*matches)(const Sniff&);
  ModelFile (*read)(ByteSource&);
  std::string (*sentence)(const Sniff&);   ///< for what is not read
  std::string_view code = "other-format";  ///< of the error that says so
};

#define KNOWN_AS(code, condition, text)                                           \
  Reader {                                                                        \
    []([[maybe_unused]] const Sniff& s) -> bool { return condition; }, nullptr,   \
        []([[maybe_unused]] const Sniff& s) -> std::string { return text; }, code \
  }
#define KNOWN(condition, text) KNOWN_AS("other-format", condition, text)

const std::array kReaders = {
    KNOWN_AS("empty-file", s.file_bytes == 0, "is empty"),
    Reader{[](const Sniff& s) { return looks_like_gguf(bytes(s)); }, read_gguf, nullptr},
    Reader{[](const Sniff& s) { return looks_like_safetensors(bytes(s), s.file_bytes); }, read_safetensors, nullptr},
    Reader{[](const Sniff& s) { return read_lfs_pointer(s.head).has_value(); }, nullptr, lfs_sentence, "lfs-pointer"},
    KNOWN(is_html(s), "is an HTML page, not a model: a download that went wrong, often for want of a login"),
    KNOWN(s.begins("PK\x03\x04") && (s.ends(".npz") || s.head.find(".npy") != std::string_view::npos),
          "is a NumPy archive (.npz), which weigh does not read"),
    KNOWN_AS(
        "pickle-in-place", s.begins("PK\x03\x04"),
        "is a zip archive, as PyTorch writes its pickles (.pt, .bin); it is not read, for loading a pickle can run any "
        "code: ask for the safetensors file"),
    KNOWN_AS(
        "pickle-in-place", is_pickle(s),
        "is a Python pickle (old PyTorch); it is not read, for loading one can run any code: ask for the safetensors "
        "file"),
    KNOWN(s.begins("\x93NUMPY"), "is a NumPy array, which weigh does not read"),
    KNOWN(s.begins("lmgg"),
          "is an unversioned ggml file (llama.cpp before April 2023, or whisper.cpp); convert it to GGUF"),
    KNOWN(s.begins("fmgg"), "is a ggmf file (llama.cpp of March 2023); convert it to GGUF"),
    KNOWN(s.begins("tjgg"), "is a ggjt file (llama.cpp before August 2023); convert it to GGUF"),
    KNOWN(s.begins("algg"), "is a ggla file (a LoRA of llama.cpp in 2023); convert it to GGUF"),
    KNOWN(s.begins("nsgg") || s.begins("qsgg"), "is a saved llama.cpp session, not a model"),
    KNOWN(s.begins("\x89HDF\r\n\x1a\n"), "is an HDF5 file (Keras .h5), which weigh does not read"),
    KNOWN(s.begins("TFL3", 4), "is a TensorFlow Lite model, which weigh does not read"),
    KNOWN(s.begins("MZqFpD"), "is a llamafile: a program with a GGUF inside; extract the GGUF with unzip"),
    KNOWN(s.begins("\x7f"
                   "ELF") ||
              s.begins("MZ"),
          "is a program, not a model"),
    KNOWN(s.begins("\x1f\x8b"), "is compressed with gzip; unpack it first"),
    KNOWN(s.begins(std::string_view("\xfd"
                                    "7zXZ\0",
                                    6)),
          "is compressed with xz; unpack it first"),
    KNOWN(s.begins("BZh"), "is compressed with bzip2; unpack it first"),
    KNOWN(s.begins("7z\xbc\xaf\x27\x1c"), "is a 7z archive; unpack it first"),
    KNOWN(s.begins("ustar", 257), "is a tar archive; unpack it first"),
    KNOWN(looks_like_zstd(bytes(s)), "is compressed with zstd, but what is inside is no model that weigh reads"),
    KNOWN(s.ends(".onnx") && s.begins("\x08"), "is an ONNX model, which weigh does not read"),
    KNOWN(begins_ignoring_case(without_blanks(s.head), "{\"error") ||
              begins_ignoring_case(without_blanks(s.head), "{ \"error"),
          "is the error message of a server, not a model: a download that went wrong"),
    KNOWN(without_blanks(s.head).starts_with("{") && is_utf8(s.head.substr(0, s.head.size() / 2)),
          "is JSON text, not a model"),
    KNOWN_AS("truncated-header", s.file_bytes < 8,
             "is too short for a model: found " + std::to_string(s.file_bytes) + " bytes, expected at least 8"),
    // By its name, so that the sentence can say what a safetensors header should have been.
    Reader{[](const Sniff& s) { return s.ends(".safetensors"); }, read_safetensors, nullptr},
    Reader{[](const Sniff& s) { return s.ends(".gguf"); }, read_gguf, nullptr},
};

#undef KNOWN
#undef KNOWN_AS

}  // namespace

std::string_view format_name(Format format) { return format == Format::Gguf ? "gguf" : "safetensors"; }

ModelFile read_model_file(ByteSource& source, std::string_view path) {
  std::array<std::byte, 512> head{};
  const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(head.size(), source.available()));
  source.read(0, std::span(head).first(length));
  const Sniff sniff{{reinterpret_cast<const char*>(head.data()), length}, source.size(), path};
  const auto reader = std::ranges::find_if(kReaders, [&](const Reader& row) { return row.matches(sniff); });
  if (reader == kReaders.end()) {
    throw FormatError("is no model file that weigh knows: it begins with neither GGUF nor a safetensors header", 0);
  }
  if (!reader->read) throw FormatError(reader->sentence(sniff), std::nullopt, reader->code);
  return reader->read(source);
}

}  // namespace weigh::core
