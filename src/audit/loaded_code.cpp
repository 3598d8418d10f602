#include "src/audit/loaded_code.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <span>
#include <string_view>

#include "formats/error.h"
#include "formats/gguf.h"
#include "formats/little_endian.h"
#include "formats/safetensors.h"
#include "src/audit/dangerous_imports.h"
#include "src/audit/unpacked.h"
#include "src/audit/zip_archive.h"

namespace weigh::core {

namespace {

constexpr int kMostLayers = 3;  // a pickle packed in an archive that is packed
constexpr std::size_t kMostMembers = 4096;
constexpr std::size_t kMostNamed = 65'536;
constexpr std::uint64_t kMostBytes = std::uint64_t{64} << 20U;
constexpr std::size_t kUnpacked = std::size_t{4} << 20U;
constexpr std::size_t kMemberHead = std::size_t{64} * 1024;
constexpr std::size_t kTextHead = std::size_t{1} << 20U;
constexpr std::size_t kMostListed = 8;

constexpr std::string_view kNumpy = "\x93NUMPY";
constexpr std::string_view kHdf5 = "\x89HDF\r\n\x1a\n";

std::string read_text(ByteSource& source, std::uint64_t at, std::uint64_t most) {
  const std::uint64_t there = source.available() - std::min(at, source.available());
  std::string text(static_cast<std::size_t>(std::min(most, there)), '\0');
  source.read(at, std::as_writable_bytes(std::span(text)));
  return text;
}

void list(std::vector<std::string>& words, std::string word) {
  if (words.size() < kMostListed && std::ranges::find(words, word) == words.end()) words.push_back(std::move(word));
}

bool is_word(char c) { return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0; }

void list_dangerous_words(std::string_view code, LoadedCode& found) {
  for (std::size_t at = 0; at < code.size();) {
    std::size_t end = at;
    while (end < code.size() && is_word(code[end])) ++end;
    const std::string_view word = code.substr(at, end - at);
    if (!word.empty() && is_dangerous_word(word)) list(found.dangerous_code, std::string(word));
    at = end + 1;
  }
}

bool is_blank(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

// `"class_name": "Lambda"`, however it is spaced: a layer whose function Keras keeps as bytecode.
bool has_lambda_layer(std::string_view config) {
  constexpr std::string_view kKey = "\"class_name\"";
  for (std::size_t at = config.find(kKey); at != std::string_view::npos; at = config.find(kKey, at + 1)) {
    std::string_view rest = config.substr(at + kKey.size());
    const auto skip = [&](auto skipped) {
      while (!rest.empty() && skipped(rest[0])) rest.remove_prefix(1);
    };
    skip([](char c) { return is_blank(c) || c == ':'; });
    if (rest.starts_with("\"Lambda\"") || rest.starts_with("\"__lambda__\"")) return true;
  }
  return false;
}

bool ends_with_any(std::string_view name, std::initializer_list<std::string_view> endings) {
  return std::ranges::any_of(endings, [&](std::string_view ending) { return name.ends_with(ending); });
}

bool is_looked_for(std::string_view name) {
  return ends_with_any(name, {".pkl", ".pickle", ".npy", ".py", ".dat", ".bin", ".json"});
}

std::optional<StreamPacking> packing_of_method(std::uint16_t method) {
  switch (method) {
    case 0: return StreamPacking::Stored;
    case 8: return StreamPacking::RawDeflate;
    case 12: return StreamPacking::Bzip2;
    case 14: return StreamPacking::ZipLzma;
    case 93: return StreamPacking::Zstd;
    default: return std::nullopt;
  }
}

class Finder {
 public:
  explicit Finder(std::uint64_t& left) : left_(std::min(left, kMostBytes)), all_left_(left) {}

  void look(ByteSource& source, int layer) {
    const std::string head = read_text(source, 0, 512);
    const auto bytes = std::as_bytes(std::span(head));
    if (looks_like_gguf(bytes) || looks_like_safetensors(bytes, source.size())) {
      return found.pickles.add(scan_pickles(source, true));
    }
    if (head.starts_with(kNumpy)) return look_into_array(source, head);
    if (head.starts_with(kHdf5)) return look_into_keras(source);
    if (const auto directory = find_zip_directory(source)) return look_into_zip(source, *directory, layer);
    if (is_tar(head)) return look_into_tar(source, layer);
    found.pickles.add(scan_pickles(source));
    const auto packing = packing_of(head);
    if (!packing || layer >= kMostLayers || left_ == 0) return;
    look_into_text(unpack_head(source, 0, source.available(), *packing, kUnpacked), layer + 1);
  }

  LoadedCode found;

 private:
  void look_into_text(const std::string& text, int layer) {
    left_ -= std::min<std::uint64_t>(left_, text.size());
    all_left_ -= std::min<std::uint64_t>(all_left_, text.size());
    if (text.empty()) return;
    MemorySource inside(std::as_bytes(std::span(text)));
    look(inside, layer);
  }

  // Magic, version, length of the description, the description of a dtype, the array.
  void look_into_array(ByteSource& source, std::string_view head) {
    const std::size_t width = head.size() > 6 && head[6] == 1 ? 2 : 4;
    if (head.size() < 8 + width) return;
    const std::uint64_t length = load_little_endian(head.substr(8, width));
    const std::string description = read_text(source, 8 + width, std::min<std::uint64_t>(length, kMemberHead));
    const auto type = description.find("descr");
    // "|O", "O", or a field of a record: no other type is spelled with that letter.
    if (type == std::string::npos || description.find('O', type) == std::string::npos) return;
    found.pickles.is_pickle = true;
    const std::uint64_t at = 8 + width + length;
    if (at >= source.available()) return;
    const std::string pickle = read_text(source, at, kUnpacked);
    MemorySource inside(std::as_bytes(std::span(pickle)));
    found.pickles.add(scan_pickles(inside));
  }

  // The model's description is a text somewhere near the start or the end.
  void look_into_keras(ByteSource& source) {
    const std::uint64_t size = source.available();
    for (const std::uint64_t at : {std::uint64_t{0}, size - std::min<std::uint64_t>(size, kTextHead)}) {
      const std::string text = read_text(source, at, kTextHead);
      if (has_lambda_layer(text)) list(found.code, "a Lambda layer of Keras");
    }
  }

  void look_into_zip(ByteSource& source, const ZipDirectory& directory, int layer) {
    // Those that loaders look for by their names first: any number of others may be in front of them.
    auto members =
        zip_members(source, directory, kMostNamed, [](const ZipMember& member) { return is_looked_for(member.name); });
    std::string root;  // of a PyTorch archive, whose tensors are data/0, data/1, ...
    for (const ZipMember& member : members) {
      if (member.name.ends_with("data.pkl")) root = member.name.substr(0, member.name.size() - 4) + "/";
    }
    std::ranges::move(zip_members(source, directory, kMostMembers,
                                  [&](const ZipMember& member) {
                                    return !is_looked_for(member.name) &&
                                           (root.empty() || !member.name.starts_with(root));
                                  }),
                      std::back_inserter(members));
    for (const ZipMember& member : members) {
      if (left_ == 0) return;
      look_into_member(source, member, layer);
    }
  }

  void look_into_member(ByteSource& source, const ZipMember& member, int layer) {
    const auto packing = packing_of_method(member.method);
    const auto at = zip_data_at(source, member);
    if (!packing || !at || member.encrypted || *at >= source.available()) return;
    const std::string text = unpack_head(
        source, *at, member.packed_bytes, *packing,
        static_cast<std::size_t>(std::min<std::uint64_t>(left_, is_looked_for(member.name) ? kUnpacked : kMemberHead)));
    if (member.name.ends_with(".py")) {
      const bool is_script = member.name.find("code/") != std::string::npos;
      list(found.code, member.name + (is_script ? " (TorchScript)" : ""));
      list_dangerous_words(text, found);
    } else if (member.name == "config.json" && has_lambda_layer(text)) {
      list(found.code, "a Lambda layer of Keras");
    }
    if (layer < kMostLayers) look_into_text(text, layer + 1);
  }

  static bool is_tar(std::string_view head) { return head.size() >= 512 && head.substr(257, 5) == "ustar"; }

  void look_into_tar(ByteSource& source, int layer) {
    std::uint64_t at = 0;
    for (std::size_t i = 0; i < kMostMembers && left_ > 0 && at + 512 <= source.available(); ++i) {
      const std::string header = read_text(source, at, 512);
      std::uint64_t size = 0;
      for (const char digit : std::string_view(header).substr(124, 12)) {
        if (digit >= '0' && digit <= '7') size = (size << 3U) | static_cast<unsigned>(digit - '0');
      }
      at += 512;
      if (size == 0 || layer >= kMostLayers) continue;
      look_into_text(read_text(source, at, std::min<std::uint64_t>(size, kMemberHead)), layer + 1);
      at += (size + 511) / 512 * 512;
    }
  }

  std::uint64_t left_;
  std::uint64_t& all_left_;
};

}  // namespace

LoadedCode find_loaded_code(ByteSource& source, std::uint64_t& left) {
  Finder finder(left);
  finder.look(source, 0);
  return std::move(finder.found);
}

}  // namespace weigh::core
