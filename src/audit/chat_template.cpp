#include "src/audit/chat_template.h"

#include <algorithm>
#include <array>

#include "src/audit/template_expression.h"
#include "src/audit/template_lexer.h"
#include "src/audit/template_value.h"

namespace weigh::core {

namespace {

using TokenKind = TemplateToken::Kind;
using Tokens = std::vector<TemplateToken>;

// Names of modules and functions that a template has no use for.
constexpr auto kNames =
    std::to_array<std::string_view>({"os", "sys", "subprocess", "builtins", "importlib", "shutil", "socket", "pickle",
                                     "ctypes", "url_for", "get_flashed_messages"});
// Builtins that matter only when they are called.
constexpr auto kCalls =
    std::to_array<std::string_view>({"eval", "exec", "compile", "open", "getattr", "setattr", "globals", "locals",
                                     "vars", "popen", "system", "input", "breakpoint", "exit"});
constexpr auto kCalledAttributes = std::to_array<std::string_view>({"system", "exec_module", "load_module"});
constexpr auto kUnusualGlobals = std::to_array<std::string_view>({"lipsum", "cycler", "joiner"});
constexpr auto kUnusualOwners = std::to_array<std::string_view>({"self", "caller_globals"});
constexpr auto kUnusualFilters = std::to_array<std::string_view>({"attr", "pprint", "xmlattr", "urlize"});
constexpr auto kUnusualTags = std::to_array<std::string_view>({"include", "import", "from", "extends"});

template <typename Words>
bool contains(const Words& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

// "__class__": the form that Python reserves for its own names.
bool is_dunder(std::string_view word) {
  return word.size() > 4 && word.starts_with("__") && word.ends_with("__") &&
         std::ranges::all_of(word, [](char c) { return c == '_' || (c >= 'a' && c <= 'z'); });
}

// Judges the words of one tag by what is next to them, whether or not they form an expression.
class WordReader {
 public:
  WordReader(const Tokens& tokens, bool statement, const TemplateScope& scope, TemplateFaults& faults)
      : tokens_(tokens), statement_(statement), scope_(scope), faults_(faults) {}

  void read() {
    for (std::size_t at = 0; at < tokens_.size(); ++at) {
      if (tokens_[at].kind == TokenKind::String) read_string(tokens_[at].text);
      if (tokens_[at].kind == TokenKind::Name) read_name(at);
    }
  }

 private:
  void read_string(std::string_view spelled) {
    const bool escaped = spelled.find('\\') != std::string_view::npos;
    if (!escaped && is_python_member(spelled)) add_fault(faults_.escapes, spelled);
    if (!escaped) return;
    const TemplateString string = decode_template_string(spelled);
    if (string.hides_underscore) add_fault(faults_.escapes, spelled);
    if (is_python_member(string.text)) add_fault(faults_.escapes, string.text);
  }

  [[nodiscard]] bool is(std::size_t at, std::string_view word) const {
    return at < tokens_.size() && tokens_[at].kind != TokenKind::String && tokens_[at].text == word;
  }

  void read_name(std::size_t at) {
    const std::string_view word = tokens_[at].text;
    const auto before = [&](std::string_view other) { return at > 0 && is(at - 1, other); };
    if (before(".")) {
      if (leads_out(word) || (contains(kCalledAttributes, word) && is(at + 1, "("))) add_fault(faults_.escapes, word);
      return;
    }
    if (before("|")) {
      if (contains(kUnusualFilters, word)) add_fault(faults_.unusual, "|" + std::string(word));
      return;
    }
    if (is_dunder(word) && scope_.find(word) == nullptr) return add_fault(faults_.escapes, word);
    if (statement_ && at == 0 && contains(kUnusualTags, word)) return add_fault(faults_.unusual, word);
    if (statement_ && at == 1 && is(0, "filter") && contains(kUnusualFilters, word))
      return add_fault(faults_.unusual, "|" + std::string(word));
    const bool test = before("is") || (before("not") && at > 1 && is(at - 2, "is"));
    if (is(at + 1, "=") || test || scope_.find(word) != nullptr) return;
    const bool called = is(at + 1, "(");
    const bool owner = called || is(at + 1, ".") || is(at + 1, "[");
    if (contains(kNames, word) && owner) add_fault(faults_.escapes, word);
    if (contains(kCalls, word) && called) add_fault(faults_.escapes, std::string(word) + "()");
    if (contains(kUnusualGlobals, word) || (contains(kUnusualOwners, word) && (owner || is(at + 1, "|"))))
      add_fault(faults_.unusual, word);
  }

  const Tokens& tokens_;
  bool statement_;
  const TemplateScope& scope_;
  TemplateFaults& faults_;
};

// Reads a template from its begin to its end: once for what its names stand for, once more to judge it.
class TemplateReader {
 public:
  TemplateReader(std::string_view text, TemplateScope& scope, TemplateFaults& faults)
      : lexer_(text), scope_(scope), faults_(faults) {}

  void read() {
    TemplatePiece piece;
    while (lexer_.next(piece)) {
      if (piece.kind == TemplatePiece::Kind::Text) {
        print(text_value(trimmed(piece.text)));
        continue;
      }
      const bool statement = piece.kind == TemplatePiece::Kind::Statement;
      TemplateExpression expression(piece.tokens, scope_, faults_);
      if (statement) {
        read_statement(expression);
      } else {
        print(expression.read_rest());
      }
      WordReader(piece.tokens, statement, scope_, faults_).read();
    }
  }

 private:
  // The text between two tags of "set" or "macro", which may be used as a name.
  struct Capture {
    std::string name;
    TemplateValue value;
    bool is_macro;
  };

  static std::string trimmed(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\r\n";
    const auto begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return {};
    return std::string(text.substr(begin, std::min<std::size_t>(text.find_last_not_of(kBlanks) + 1 - begin, 1024)));
  }

  void print(const TemplateValue& value) {
    if (!captures_.empty()) captures_.back().value = combined("~", captures_.back().value, value);
  }

  void read_statement(TemplateExpression& expression) {
    const std::string_view tag = expression.accept_name();
    if (tag == "set") return read_set(expression);
    if (tag == "for") return read_for(expression);
    if (tag == "macro" || tag == "call") return read_macro(expression, tag == "macro");
    if (tag == "with") return read_with(expression);
    if (tag == "endset" || tag == "endmacro") end_capture(tag == "endmacro");
    if (tag == "endfor" || tag == "endmacro" || tag == "endcall") scope_.leave();
    if (tag == "filter") {
      print(built_value());
      expression.accept_name();
    }
    expression.read_rest();
  }

  void begin_capture(std::string name, bool is_macro) {
    constexpr std::size_t kMost = 64;
    if (captures_.size() < kMost) captures_.push_back({std::move(name), text_value(""), is_macro});
  }

  void end_capture(bool is_macro) {
    if (captures_.empty() || captures_.back().is_macro != is_macro) return;
    scope_.bind(captures_.back().name, captures_.back().value);
    captures_.pop_back();
  }

  // a, (b, c.d): names that get a value.
  static std::vector<std::string> read_targets(TemplateExpression& expression, std::string_view end) {
    std::vector<std::string> targets;
    bool attribute = false;
    while (!expression.at_end() && !expression.is(end) && !expression.is("|")) {
      const std::string_view name = expression.accept_name();
      if (name.empty()) {
        attribute = expression.is(".") && !targets.empty();
        expression.skip();
        continue;
      }
      if (attribute) {
        targets.back() += "." + std::string(name);
      } else {
        targets.emplace_back(name);
      }
      attribute = false;
    }
    return targets;
  }

  void bind(const std::vector<std::string>& targets, const TemplateValue& value) {
    for (std::size_t i = 0; i < targets.size(); ++i) {
      const bool own = value.is_list() && value.items->size() == targets.size();
      scope_.bind(targets[i], targets.size() == 1 ? value : own ? (*value.items)[i] : TemplateValue());
    }
  }

  void read_set(TemplateExpression& expression) {
    const std::vector<std::string> targets = read_targets(expression, "=");
    if (expression.accept("=")) {
      TemplateValue value = expression.read();
      if (expression.is(",") && targets.size() > 1) {
        std::vector<TemplateValue> values{std::move(value)};
        while (expression.accept(",")) values.push_back(expression.read());
        value = list_value(std::move(values));
      }
      bind(targets, value);
    } else if (!targets.empty()) {
      begin_capture(targets.front(), false);
      if (expression.is("|")) print(built_value());
    }
    expression.read_rest();
  }

  void read_for(TemplateExpression& expression) {
    const std::vector<std::string> targets = read_targets(expression, "in");
    expression.accept("in");
    const TemplateValue list = expression.read_operand();
    TemplateValue item;
    if (list.is_list() && !list.items->empty()) {
      item = list.items->front();
      for (const TemplateValue& other : *list.items) item = merged(item, other);
    }
    scope_.enter("for " + std::to_string(++loops_));
    for (const std::string& target : targets) {
      const bool own = item.is_list() && item.items->size() == targets.size() && targets.size() > 1;
      const auto index = static_cast<std::size_t>(&target - targets.data());
      scope_.declare(target, targets.size() == 1 ? item : own ? (*item.items)[index] : TemplateValue());
    }
    expression.read_rest();
  }

  void read_macro(TemplateExpression& expression, bool is_macro) {
    const std::string name(is_macro ? expression.accept_name() : std::string_view());
    std::vector<std::string> parameters;
    if (is_macro) scope_.bind(name, {});
    scope_.enter(is_macro ? name : "call " + std::to_string(++loops_));
    if (is_macro || expression.is("(")) {
      expression.accept("(");
      while (!expression.at_end() && !expression.is(")")) {
        const std::string_view parameter = expression.accept_name();
        if (parameter.empty()) {
          expression.skip();
          continue;
        }
        parameters.emplace_back(parameter);
        scope_.declare(parameter, expression.accept("=") ? expression.read() : TemplateValue());
      }
      expression.accept(")");
    }
    if (is_macro) {
      scope_.add_macro(name, std::move(parameters));
      begin_capture(name + "()", true);
    }
    expression.read_rest();
  }

  void read_with(TemplateExpression& expression) {
    while (!expression.at_end()) {
      const std::string_view name = expression.accept_name();
      if (!name.empty() && expression.accept("=")) {
        scope_.bind(name, expression.read());
      } else if (name.empty()) {
        expression.skip();
      }
    }
  }

  TemplateLexer lexer_;
  TemplateScope& scope_;
  TemplateFaults& faults_;
  std::vector<Capture> captures_;
  std::size_t loops_ = 0;
};

}  // namespace

TemplateFaults find_template_faults(std::string_view text) {
  constexpr std::size_t kMostBytes = 1UL << 20U;
  TemplateFaults faults;
  if (text.size() > kMostBytes) {
    text = text.substr(0, kMostBytes);
    add_fault(faults.unusual, "more than 1 MiB of text");
  }
  TemplateScope scope;
  TemplateFaults first_reading;
  TemplateReader(text, scope, first_reading).read();
  if (scope.is_empty()) {  // a second reading would find the same
    for (const std::string& word : first_reading.escapes) add_fault(faults.escapes, word);
    for (const std::string& word : first_reading.unusual) add_fault(faults.unusual, word);
    return faults;
  }
  scope.freeze();
  TemplateReader(text, scope, faults).read();
  return faults;
}

}  // namespace weigh::core
