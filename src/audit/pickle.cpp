#include "src/audit/pickle.h"

#include <algorithm>
#include <cstdint>
#include <span>

#include "src/audit/dangerous_imports.h"
#include "src/audit/pickle_walk.h"

namespace weigh::core {

namespace {

constexpr std::uint64_t kMostRead = std::uint64_t{16} << 20U;
constexpr std::uint64_t kMostOpcodes = std::uint64_t{16} << 20U;
constexpr std::uint64_t kRegion = std::uint64_t{64} * 1024;
constexpr std::uint64_t kAfterBreak = std::uint64_t{1} << 20U;
constexpr int kMostInARow = 4096;                              // pickles after one another
constexpr int kMostTries = 4096;                               // starts in the middle of a text
constexpr std::uint64_t kShort = 1024;                         // opcodes that such a try follows
constexpr std::uint64_t kMostTried = std::uint64_t{4} << 20U;  // opcodes of all tries
constexpr std::size_t kMostListed = 256;

bool has_protocol(std::string_view bytes) {
  return bytes.size() >= 2 && bytes[0] == '\x80' && static_cast<unsigned char>(bytes[1]) <= 5;
}

std::string shown(const PickleImport& import) {
  return import.module.empty() ? import.name : import.module + "." + import.name;
}

bool is_dangerous(const PickleImport& import) {
  return import.module.empty() || is_dangerous_import(import.module, import.name);
}

void take(const PickleWalk& walk, PickleScan& scan) {
  scan.is_pickle = true;
  PickleScan found;
  for (const PickleImport& import : walk.imports()) {
    found.imports.push_back(shown(import));
    if (is_dangerous(import)) found.dangerous.push_back(shown(import));
  }
  scan.add(found);
}

bool imports_danger(const PickleWalk& walk) {
  return std::ranges::any_of(walk.imports(),
                             [](const PickleImport& i) { return !i.module.empty() && is_dangerous(i); });
}

// A pickle by its start. Protocols 0 and 1 have no mark and look like other text.
bool is_believable(const PickleWalk& walk, WalkEnd end, bool marked, bool at_end_of_file) {
  if (marked) {
    if (!walk.imports().empty() || walk.opcodes() < 2) return !walk.imports().empty();
    return end == WalkEnd::Stop || end == WalkEnd::Spent || (end == WalkEnd::Cut && walk.opcodes() > 2);
  }
  if (walk.calls() && !walk.imports().empty()) return imports_danger(walk) || walk.is_consistent();
  return end == WalkEnd::Stop && at_end_of_file && walk.is_consistent() && walk.has_container() && walk.opcodes() >= 3;
}

// Where text, or what is broken, may come before a pickle: each start that imports something is tried.
class Search {
 public:
  Search(std::string_view text, PickleScan& scan) : text_(text), bytes_(text), scan_(scan) {}

  void run() {
    for (std::size_t at = 0; at + 1 < text_.size() && tries_ < kMostTries && opcodes_ < kMostTried; ++at) {
      const char c = text_[at];
      if (c == '\x80' && text_[at + 1] >= 1 && text_[at + 1] <= 5) try_mark(at);
      if (c == '\n') try_line(at);
      if (c == '\x93') try_two_strings(at);
    }
    if (tries_ == kMostTries && danger_ > kMostTries / 2) scan_.is_pickle = true;
  }

 private:
  static bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
  }

  // Whether a walk from there calls what it imports; with a harmless import only when all of it is right.
  bool attempt(std::size_t at, std::uint64_t most) {
    ++tries_;
    PickleWalk walk(bytes_, at);
    const WalkEnd end = walk.run(most);
    opcodes_ += walk.opcodes();
    if (!walk.calls() || walk.imports().empty()) return false;
    if (!imports_danger(walk) && !(end == WalkEnd::Stop && walk.is_consistent())) return false;
    take(walk, scan_);
    return true;
  }

  void try_mark(std::size_t at) { attempt(at, kShort * 64); }

  // "...c" MODULE "\n" NAME "\n": `at` is the first line's end.
  void try_line(std::size_t at) {
    std::size_t end = at + 1;
    while (end < text_.size() && end - at < 256 && is_letter(text_[end])) ++end;
    if (end == at + 1 || end >= text_.size() || text_[end] != '\n') return;
    const std::string_view name = text_.substr(at + 1, end - at - 1);
    for (std::size_t from = at; from > 0 && at - from < 128 && is_letter(text_[from - 1]); --from) {
      const char opcode = text_[from - 1];
      const std::string_view module = text_.substr(from, at - from);
      if ((opcode != 'c' && opcode != 'i') || module.empty()) continue;
      const bool danger = is_dangerous_import(module, name);
      if (opcode == 'c' && after_import(end + 1)) attempt(from - 1, kShort);
      if (danger) try_before(from - 1);
      danger_ += danger ? 1 : 0;
    }
  }

  // The next opcode pushes something or marks the stack, as it does in front of a call.
  bool after_import(std::size_t at) const {
    return at < text_.size() && std::string_view("(]})NIJKLMFGSTUVXBCpqrhgj\x8a\x8c\x8d\x88\x89\x94").find(text_[at]) !=
                                    std::string_view::npos;
  }

  // Opcodes that take what is above a mark: the mark is in front of them.
  void try_before(std::size_t at) {
    int marks = 0;
    for (std::size_t from = at; from > 0 && at - from < 512 && marks < 8; --from) {
      if (text_[from - 1] != '(') continue;
      ++marks;
      if (attempt(from - 1, kShort)) return;
    }
  }

  // Two strings in front of STACK_GLOBAL.
  void try_two_strings(std::size_t at) {
    int starts = 0;
    for (std::size_t from = at; from > 0 && at - from < 300 && starts < 16; --from) {
      if (std::string_view("\x8c\x8dXUVST").find(text_[from - 1]) == std::string_view::npos) continue;
      ++starts;
      PickleBytes part(text_.substr(0, at + 1));
      PickleWalk walk(part, from - 1);
      if (walk.run(8) != WalkEnd::Cut || walk.at() != at + 1 || !walk.is_consistent() || !imports_danger(walk))
        continue;
      if (attempt(from - 1, kShort)) return;
    }
  }

  std::string_view text_;
  PickleBytes bytes_;
  PickleScan& scan_;
  int tries_ = 0;
  int danger_ = 0;
  std::uint64_t opcodes_ = 0;
};

void search(ByteSource& source, std::uint64_t from, std::uint64_t most, PickleScan& scan) {
  const std::uint64_t size = source.available();
  if (from >= size) return;
  std::string text(static_cast<std::size_t>(std::min(most, size - from)), '\0');
  source.read(from, std::as_writable_bytes(std::span(text)));
  Search(text, scan).run();
}

}  // namespace

void PickleScan::add(const PickleScan& other) {
  is_pickle = is_pickle || other.is_pickle;
  const auto append = [](const std::vector<std::string>& from, std::vector<std::string>& to) {
    for (const std::string& word : from) {
      if (to.size() < kMostListed && std::ranges::find(to, word) == to.end()) to.push_back(word);
    }
  };
  append(other.imports, imports);
  append(other.dangerous, dangerous);
}

PickleScan scan_pickles(ByteSource& source, bool only_start) {
  PickleScan scan;
  const std::uint64_t size = source.available();
  PickleBytes bytes(source, kMostRead);
  std::uint64_t at = 0;
  std::uint64_t opcodes_left = kMostOpcodes;
  for (int i = 0; i < kMostInARow && at < size && opcodes_left > 0; ++i) {
    const bool marked = has_protocol(bytes.from(at, 2));
    PickleWalk walk(bytes, at);
    const WalkEnd end = walk.run(opcodes_left);
    const bool believable = is_believable(walk, end, marked, walk.at() + 2 >= size);
    if (only_start && !(walk.calls() && end == WalkEnd::Stop)) return scan;
    if (believable) take(walk, scan);
    if (!believable && !(i == 0 && end == WalkEnd::Stop && walk.is_consistent() && walk.opcodes() >= 2)) break;
    at = walk.at();
    opcodes_left -= std::min(opcodes_left, walk.opcodes());
    if (end != WalkEnd::Stop) break;
  }
  if (only_start) return scan;
  const std::uint64_t from = scan.is_pickle ? at : 0;
  const std::uint64_t most = scan.is_pickle ? kAfterBreak : kRegion;
  search(source, from, most, scan);
  if (size > from + most) search(source, size - std::min(size, kRegion), kRegion, scan);
  return scan;
}

bool is_calling_pickle(std::string_view text) {
  PickleBytes bytes(text);
  PickleWalk walk(bytes, 0);
  return walk.run(kMostOpcodes) == WalkEnd::Stop && walk.calls() && !walk.imports().empty();
}

}  // namespace weigh::core
