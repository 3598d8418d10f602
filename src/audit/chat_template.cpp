#include "src/audit/chat_template.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace weigh::core {

namespace {

bool is_word(char c) { return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0; }

// Attributes that lead from an object to Python's modules. So does every attribute of the form __NAME__.
constexpr auto kAttributes = std::to_array<std::string_view>(
    {"mro", "f_globals", "f_locals", "f_builtins", "f_back", "gi_frame", "gi_code", "cr_frame", "cr_code", "tb_frame",
     "func_globals", "func_code", "co_code", "popen", "_module", "_TemplateReference__context", "_globals"});

// Names of modules and functions that a template has no use for.
constexpr auto kNames =
    std::to_array<std::string_view>({"os", "sys", "subprocess", "builtins", "importlib", "shutil", "socket", "pickle",
                                     "ctypes", "url_for", "get_flashed_messages"});
// Builtins that matter only when they are called.
constexpr auto kCalls =
    std::to_array<std::string_view>({"eval", "exec", "compile", "open", "getattr", "setattr", "globals", "locals",
                                     "vars", "popen", "system", "input", "breakpoint", "exit"});
constexpr auto kUnusualNames =
    std::to_array<std::string_view>({"lipsum", "cycler", "joiner", "self", "caller_globals"});
constexpr auto kUnusualFilters = std::to_array<std::string_view>({"attr", "pprint", "xmlattr", "urlize"});
constexpr auto kUnusualTags = std::to_array<std::string_view>({"include", "import", "from", "extends"});

// Members of Python's objects. In a string, any other __NAME__ is only a marker such as '__image__'.
constexpr auto kMembers = std::to_array<std::string_view>(
    {"__class__",    "__bases__",  "__base__",   "__mro__",       "__subclasses__",   "__globals__",
     "__builtins__", "__import__", "__init__",   "__dict__",      "__getattribute__", "__getattr__",
     "__getitem__",  "__call__",   "__code__",   "__func__",      "__self__",         "__module__",
     "__loader__",   "__spec__",   "__reduce__", "__reduce_ex__", "__new__",          "__closure__"});

template <typename Names>
bool contains(const Names& names, std::string_view word) {
  return std::ranges::find(names, word) != names.end();
}

// "__class__": the form that Python reserves for its own members.
bool is_dunder(std::string_view word) {
  return word.size() > 4 && word.starts_with("__") && word.ends_with("__") &&
         std::ranges::all_of(word, [](char c) { return c == '_' || std::islower(static_cast<unsigned char>(c)) != 0; });
}

void add_once(std::vector<std::string>& list, std::string_view word) {
  if (list.size() < 8 && !contains(list, word)) list.emplace_back(word);
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
        if (std::isspace(static_cast<unsigned char>(c)) == 0) previous_ = c;
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
    // A member's name in a string serves a subscript or a filter; so do its parts, joined or escaped.
    if (contains(kMembers, string)) add_once(faults_.escapes, string);
    const bool subscript_or_joined = previous_ == '[' || previous_ == '~' || previous_ == '+';
    const bool escaped_underscore = string.find("\\x5f") != std::string_view::npos ||
                                    string.find("\\u005f") != std::string_view::npos ||
                                    string.find("\\137") != std::string_view::npos;
    if (escaped_underscore) add_once(faults_.escapes, string.substr(0, 40));
    if (subscript_or_joined && string.starts_with("__") && !is_dunder(string) && string.size() < 24)
      add_once(faults_.unusual, string);
    if (at_ < text_.size()) ++at_;
    previous_ = '\'';
    first_word_ = false;
  }

  void read_word() {
    const std::size_t begin = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    const std::string_view word = text_.substr(begin, at_ - begin);
    std::size_t next = at_;
    while (next < text_.size() && std::isspace(static_cast<unsigned char>(text_[next])) != 0) ++next;
    const char after = next < text_.size() ? text_[next] : '\0';
    check_word(word, after);
    previous_ = word == "is" || word == "not" ? 'i' : 'a';
    first_word_ = false;
  }

  void check_word(std::string_view word, char after) {
    const bool attribute = previous_ == '.';
    const bool filter = previous_ == '|';
    const bool keyword = after == '=' && !text_.substr(at_).starts_with("==");  // set NAME = ..., call(NAME=...)
    if (is_dunder(word)) return add_once(faults_.escapes, word);
    if (attribute) {
      if (contains(kAttributes, word)) add_once(faults_.escapes, word);
      return;
    }
    if (filter) {
      if (contains(kUnusualFilters, word)) add_once(faults_.unusual, "|" + std::string(word));
      return;
    }
    if (first_word_ && contains(kUnusualTags, word)) return add_once(faults_.unusual, word);
    if (keyword) return;
    if (contains(kNames, word) && (after == '.' || after == '[' || after == '(')) add_once(faults_.escapes, word);
    if (contains(kCalls, word) && after == '(') add_once(faults_.escapes, std::string(word) + "()");
    if (contains(kUnusualNames, word) && (after == '.' || after == '(' || after == '[' || after == '|')) {
      add_once(faults_.unusual, word);
    }
  }

  std::string_view text_;
  std::size_t at_;
  bool first_word_;  // the next word is the name of the statement
  char close_;
  char previous_ = '\0';  // the last character that is not blank; 'a' for a word, 'i' for "is" and "not"
  TemplateFaults& faults_;
};

}  // namespace

TemplateFaults find_template_faults(std::string_view text) {
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
