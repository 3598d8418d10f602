#include "src/audit/chat_template.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace weigh::core {

namespace {

bool is_word(char c) { return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0; }

// Attributes through which objects lead to Python's own modules, beside everything of the form __NAME__.
constexpr auto kAttributes = std::to_array<std::string_view>(
    {"mro", "f_globals", "f_locals", "f_builtins", "f_back", "gi_frame", "gi_code", "cr_frame", "cr_code", "tb_frame",
     "func_globals", "func_code", "co_code", "popen", "_module", "_TemplateReference__context", "_globals"});

// Names that are nothing in a template, or lead out of it.
constexpr auto kNames =
    std::to_array<std::string_view>({"os", "sys", "subprocess", "builtins", "importlib", "shutil", "socket", "pickle",
                                     "ctypes", "url_for", "get_flashed_messages"});
// Likewise, where they are called.
constexpr auto kCalls =
    std::to_array<std::string_view>({"eval", "exec", "compile", "open", "getattr", "setattr", "globals", "locals",
                                     "vars", "popen", "system", "input", "breakpoint", "exit"});
constexpr auto kUnusualNames =
    std::to_array<std::string_view>({"lipsum", "cycler", "joiner", "self", "caller_globals"});
constexpr auto kUnusualFilters = std::to_array<std::string_view>({"attr", "pprint", "xmlattr", "urlize"});
constexpr auto kUnusualTags = std::to_array<std::string_view>({"include", "import", "from", "extends"});

// Members of Python's objects; as a string, only these are more than a marker such as '__image__'.
constexpr auto kMembers = std::to_array<std::string_view>(
    {"__class__",    "__bases__",  "__base__",   "__mro__",       "__subclasses__",   "__globals__",
     "__builtins__", "__import__", "__init__",   "__dict__",      "__getattribute__", "__getattr__",
     "__getitem__",  "__call__",   "__code__",   "__func__",      "__self__",         "__module__",
     "__loader__",   "__spec__",   "__reduce__", "__reduce_ex__", "__new__",          "__closure__"});

template <typename Names>
bool among(const Names& names, std::string_view word) {
  return std::ranges::find(names, word) != names.end();
}

// "__class__": what only Python's own objects have.
bool is_dunder(std::string_view word) {
  return word.size() > 4 && word.starts_with("__") && word.ends_with("__") &&
         std::ranges::all_of(word, [](char c) { return c == '_' || std::islower(static_cast<unsigned char>(c)) != 0; });
}

void note(std::vector<std::string>& list, std::string_view word) {
  if (list.size() < 8 && !among(list, word)) list.emplace_back(word);
}

// Reads one block, "{{ ... }}" or "{% ... %}", word by word.
class BlockReader {
 public:
  BlockReader(std::string_view text, std::size_t at, bool statement, TemplateFaults& faults)
      : text_(text), at_(at), first_word_(statement), close_(statement ? '%' : '}'), faults_(faults) {}

  /// Where the block ends.
  std::size_t read() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == close_ && text_.substr(at_ + 1).starts_with('}')) return at_ + 2;
      if (c == '\'' || c == '"') {
        read_string(c);
      } else if (is_word(c)) {
        read_word();
      } else {
        if (std::isspace(static_cast<unsigned char>(c)) == 0) before_ = c;
        ++at_;
      }
    }
    return at_;
  }

 private:
  void read_string(char quote) {
    const std::size_t begin = ++at_;
    while (at_ < text_.size() && text_[at_] != quote) at_ += text_[at_] == '\\' ? 2 : 1;
    at_ = std::min(at_, text_.size());
    const std::string_view string = text_.substr(begin, at_ - begin);
    // Only a string that picks a member or is looked at by a filter can reach anything: one that is printed cannot.
    if (among(kMembers, string)) note(faults_.escapes, string);
    const bool picks = before_ == '[' || before_ == '~' || before_ == '+';
    const bool hides = string.find("\\x5f") != std::string_view::npos ||
                       string.find("\\u005f") != std::string_view::npos ||
                       string.find("\\137") != std::string_view::npos;
    if (hides) note(faults_.escapes, string.substr(0, 40));
    if (picks && string.starts_with("__") && !is_dunder(string) && string.size() < 24) note(faults_.unusual, string);
    if (at_ < text_.size()) ++at_;
    before_ = '\'';
    first_word_ = false;
  }

  void read_word() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    const std::string_view word = text_.substr(begin, at_ - begin);
    std::size_t next = at_;
    while (next < text_.size() && std::isspace(static_cast<unsigned char>(text_[next])) != 0) ++next;
    const char after = next < text_.size() ? text_[next] : '\0';
    judge(word, after);
    before_ = word == "is" || word == "not" ? 'i' : 'a';
    first_word_ = false;
  }

  void judge(std::string_view word, char after) {
    const bool attribute = before_ == '.';
    const bool filter = before_ == '|';
    const bool keyword = after == '=' && !text_.substr(at_).starts_with("==");  // set NAME = ..., call(NAME=...)
    if (is_dunder(word)) return note(faults_.escapes, word);
    if (attribute) {
      if (among(kAttributes, word)) note(faults_.escapes, word);
      return;
    }
    if (filter) {
      if (among(kUnusualFilters, word)) note(faults_.unusual, "|" + std::string(word));
      return;
    }
    if (first_word_ && among(kUnusualTags, word)) return note(faults_.unusual, word);
    if (keyword) return;
    if (among(kNames, word) && (after == '.' || after == '[' || after == '(')) note(faults_.escapes, word);
    if (among(kCalls, word) && after == '(') note(faults_.escapes, std::string(word) + "()");
    if (among(kUnusualNames, word) && (after == '.' || after == '(' || after == '[' || after == '|')) {
      note(faults_.unusual, word);
    }
  }

  std::string_view text_;
  std::size_t at_;
  bool first_word_;  // the word to come names the statement
  char close_;
  char before_ = '\0';  // the last character that was no blank; 'a' for a word
  TemplateFaults& faults_;
};

}  // namespace

TemplateFaults look_at_template(std::string_view text) {
  TemplateFaults faults;
  for (std::size_t at = 0; (at = text.find('{', at)) != std::string_view::npos;) {
    const char kind = at + 1 < text.size() ? text[at + 1] : '\0';
    if (kind == '#') {
      const auto end = text.find("#}", at + 2);
      at = end == std::string_view::npos ? text.size() : end + 2;
    } else if (kind == '{' || kind == '%') {
      at = BlockReader(text, at + 2, kind == '%', faults).read();
    } else {
      ++at;
    }
  }
  return faults;
}

}  // namespace weigh::core
