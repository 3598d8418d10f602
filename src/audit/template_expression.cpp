#include "src/audit/template_expression.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <utility>

namespace weigh::core {

namespace {

using TokenKind = TemplateToken::Kind;

// Jinja itself ends at about 75.
constexpr int kMostDepth = 100;

// Attributes that lead from an object to Python's modules. So does every attribute of the form __NAME__.
constexpr auto kAttributes = std::to_array<std::string_view>(
    {"mro",          "f_globals", "f_locals",  "f_builtins",   "f_back",   "f_code",  "gi_frame", "gi_code",
     "gi_yieldfrom", "cr_frame",  "cr_code",   "cr_await",     "ag_frame", "ag_code", "tb_frame", "tb_next",
     "func_globals", "func_code", "co_code",   "co_consts",    "co_names", "im_func", "im_self",  "im_class",
     "popen",        "Popen",     "getoutput", "check_output", "_module",  "_globals"});

// Members of Python's objects. In a string, any other __NAME__ is only a marker such as '__image__'.
constexpr auto kMembers = std::to_array<std::string_view>(
    {"__class__",    "__bases__",  "__base__",   "__mro__",       "__subclasses__",   "__globals__",
     "__builtins__", "__import__", "__init__",   "__dict__",      "__getattribute__", "__getattr__",
     "__getitem__",  "__call__",   "__code__",   "__func__",      "__self__",         "__module__",
     "__loader__",   "__spec__",   "__reduce__", "__reduce_ex__", "__new__",          "__closure__"});

// Filters that take the name of an attribute, and where; kNamed: as attribute=NAME only.
struct AttributeFilter {
  std::string_view name;
  std::size_t position;
};
constexpr std::size_t kNamed = 99;
constexpr auto kAttributeFilters = std::to_array<AttributeFilter>({{"attr", 0},
                                                                   {"map", kNamed},
                                                                   {"selectattr", 0},
                                                                   {"rejectattr", 0},
                                                                   {"groupby", 0},
                                                                   {"sum", 0},
                                                                   {"sort", 2},
                                                                   {"unique", 1},
                                                                   {"min", 1},
                                                                   {"max", 1},
                                                                   {"join", 1}});
constexpr auto kUnusualFilters = std::to_array<std::string_view>({"attr", "pprint", "xmlattr", "urlize"});

// Words that end an expression or continue the one around it.
constexpr auto kReserved =
    std::to_array<std::string_view>({"if", "else", "elif", "and", "or", "in", "is", "recursive", "not"});

template <typename Words>
bool contains(const Words& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

bool is_name_character(char c) { return c == '_' || std::isalnum(static_cast<unsigned char>(c)) != 0; }

// How tightly the operator binds; 0 for a token that is none.
int binding(const TemplateToken& token) {
  struct Operator {
    std::string_view word;
    int binding;
  };
  constexpr auto kOperators = std::to_array<Operator>({{"or", 1},
                                                       {"and", 2},
                                                       {"in", 4},
                                                       {"not", 4},
                                                       {"==", 4},
                                                       {"!=", 4},
                                                       {">", 4},
                                                       {"<", 4},
                                                       {">=", 4},
                                                       {"<=", 4},
                                                       {"+", 5},
                                                       {"-", 5},
                                                       {"~", 6},
                                                       {"*", 7},
                                                       {"/", 7},
                                                       {"//", 7},
                                                       {"%", 7},
                                                       {"**", 8}});
  if (token.kind != TokenKind::Operator && token.kind != TokenKind::Name) return 0;
  const auto* found = std::ranges::find(kOperators, token.text, &Operator::word);
  return found == kOperators.end() ? 0 : found->binding;
}

TemplateValue number_of(std::string_view spelled) {
  std::int64_t number = 0;
  const bool hex = spelled.starts_with("0x") || spelled.starts_with("0X");
  if (hex) spelled.remove_prefix(2);
  const auto [end, error] = std::from_chars(spelled.data(), spelled.data() + spelled.size(), number, hex ? 16 : 10);
  constexpr std::int64_t kLargest = 1'000'000'000;
  const bool whole = error == std::errc() && end == spelled.data() + spelled.size() && number < kLargest;
  return number_value(whole ? std::optional(number) : std::nullopt);
}

}  // namespace

// The innermost loop or macro that declares the name; beyond a few nobody looks.
std::string TemplateScope::key_of(std::string_view path) const {
  constexpr std::size_t kMostLooked = 8;
  const std::string_view head = path.substr(0, path.find('.'));
  for (std::size_t i = 0; i < std::min(entered_.size(), kMostLooked); ++i) {
    const std::string prefix = entered_[entered_.size() - 1 - i] + ":";
    if (values_.contains(prefix + std::string(head))) return prefix + std::string(path);
  }
  return std::string(path);
}

const TemplateValue* TemplateScope::find(std::string_view path) const {
  const auto found = values_.find(key_of(path));
  return found == values_.end() ? nullptr : &found->second;
}

void TemplateScope::merge_into(const std::string& key, const TemplateValue& value) {
  if (frozen_) return;
  const auto [place, is_new] = values_.try_emplace(key, value);
  if (!is_new) place->second = merged(place->second, value);
}

void TemplateScope::bind(std::string_view path, const TemplateValue& value) { merge_into(key_of(path), value); }

void TemplateScope::enter(std::string_view name) { entered_.emplace_back(name); }

void TemplateScope::leave() {
  if (!entered_.empty()) entered_.pop_back();
}

void TemplateScope::declare(std::string_view name, const TemplateValue& value) {
  if (!entered_.empty()) merge_into(entered_.back() + ":" + std::string(name), value);
}

const std::vector<std::string>* TemplateScope::parameters(std::string_view macro) const {
  const auto found = macros_.find(macro);
  return found == macros_.end() ? nullptr : &found->second;
}

void TemplateScope::add_macro(std::string_view macro, std::vector<std::string> parameters) {
  if (!frozen_) macros_.insert_or_assign(std::string(macro), std::move(parameters));
}

void TemplateScope::pass(std::string_view macro, std::string_view parameter, const TemplateValue& value) {
  merge_into(std::string(macro) + ":" + std::string(parameter), value);
}

bool leads_out(std::string_view name) {
  if (contains(kAttributes, name)) return true;
  if (!std::ranges::all_of(name, is_name_character)) return false;
  if (name.size() > 4 && name.starts_with("__") && name.ends_with("__")) return true;
  // _Class__name: what Python makes of a private member.
  return name.size() > 4 && name[0] == '_' && std::isupper(static_cast<unsigned char>(name[1])) != 0 &&
         name.find("__") != std::string_view::npos;
}

bool is_python_member(std::string_view text) { return contains(kMembers, text); }

void add_fault(std::vector<std::string>& list, std::string_view word) {
  constexpr std::size_t kMost = 8;
  constexpr std::size_t kLongest = 40;
  std::string plain(word.substr(0, kLongest));
  for (char& c : plain) {
    if (c < ' ' || c > '~') c = '?';
  }
  if (list.size() < kMost && !contains(list, plain)) list.push_back(std::move(plain));
}

bool TemplateExpression::is(std::string_view word, std::size_t ahead) const {
  return at_ + ahead < tokens_.size() && tokens_[at_ + ahead].kind != TokenKind::String &&
         tokens_[at_ + ahead].text == word;
}

bool TemplateExpression::accept(std::string_view word) {
  if (!is(word)) return false;
  ++at_;
  return true;
}

std::string_view TemplateExpression::accept_name() {
  if (at_end() || tokens_[at_].kind != TokenKind::Name) return {};
  return tokens_[at_++].text;
}

// The template's own spelling from that token up to the next to be read.
std::string TemplateExpression::spelled(std::size_t begin) const {
  if (begin >= at_ || at_ > tokens_.size()) return {};
  const char* const from = tokens_[begin].whole.data();
  const std::string_view last = tokens_[at_ - 1].whole;
  const char* const to = last.data() + last.size();
  constexpr std::ptrdiff_t kMost = 40;
  return {from, static_cast<std::size_t>(std::min(to - from, kMost))};
}

// A member's name serves a reach wherever it is assembled.
TemplateValue TemplateExpression::noted(TemplateValue value) {
  if (value.is_text() && is_python_member(value.text)) add_fault(faults_.escapes, value.text);
  return value;
}

void TemplateExpression::judge_name(const TemplateValue& name, std::size_t begin) {
  if (name.is_text() && leads_out(name.text)) {
    add_fault(faults_.escapes, name.text);
  } else if (name.built) {
    add_fault(faults_.unusual, spelled(begin));
  }
}

TemplateValue TemplateExpression::read_rest() {
  TemplateValue value;
  for (bool first = true; !at_end(); first = false) {
    const std::size_t before = at_;
    TemplateValue next = read();
    if (first) value = std::move(next);
    if (at_ == before) ++at_;
  }
  return value;
}

TemplateValue TemplateExpression::read() {
  if (depth_ >= kMostDepth) {
    add_fault(faults_.unusual, "more than 100 brackets in one another");
    if (!at_end()) ++at_;
    return {};
  }
  ++depth_;
  TemplateValue value = read_binary(0);
  if (accept("if")) {
    read_binary(0);
    if (accept("else")) {
      value = merged(value, read());
    } else {
      value.mixed = true;
    }
  }
  --depth_;
  return value;
}

TemplateValue TemplateExpression::read_binary(int least) {
  TemplateValue value = read_unary();
  while (!at_end()) {
    const int own = binding(tokens_[at_]);
    if (own == 0 || own <= least) return value;
    const std::string_view op = tokens_[at_++].text;
    if (op == "not" && !accept("in")) return value;
    const TemplateValue right = read_binary(own);
    if (own <= 2) {  // either of the two
      value = merged(value, right);
    } else {
      value = own == 4 ? TemplateValue() : noted(combined(op, value, right));
    }
  }
  return value;
}

TemplateValue TemplateExpression::read_unary() {
  bool negative = false;
  bool is_truth = false;
  while (is("-") || is("+") || is("not")) {
    negative = negative != is("-");
    is_truth = is_truth || is("not");
    ++at_;
  }
  const std::string_view name = !at_end() && tokens_[at_].kind == TokenKind::Name ? tokens_[at_].text : "";
  TemplateValue value = read_primary();
  value = read_postfix(std::move(value), name);
  if (is_truth) return {};
  if (negative && value.kind == TemplateValue::Kind::Number) value.number = -value.number;
  return value;
}

TemplateValue TemplateExpression::read_primary() {
  if (at_end()) return {};
  const TemplateToken& token = tokens_[at_];
  switch (token.kind) {
    case TokenKind::Number: ++at_; return number_of(token.text);
    case TokenKind::String: {
      std::string text;
      constexpr std::size_t kMost = 1024;
      while (!at_end() && tokens_[at_].kind == TokenKind::String) {
        const std::string_view spelled = tokens_[at_++].text;
        if (text.size() < kMost) text += decode_template_string(spelled.substr(0, kMost)).text;
      }
      return noted(text_value(std::move(text)));
    }
    case TokenKind::Name: {
      if (contains(kReserved, token.text)) return {};
      ++at_;
      const TemplateValue* value = is("(") ? nullptr : scope_.find(token.text);
      return value == nullptr ? TemplateValue() : *value;
    }
    case TokenKind::Operator: break;
  }
  if (accept("(")) return read_sequence(")");
  if (accept("[")) return read_sequence("]");
  if (accept("{")) return read_dict();
  return {};
}

// A list, a tuple, or an expression in brackets.
TemplateValue TemplateExpression::read_sequence(std::string_view close) {
  std::vector<TemplateValue> items;
  bool has_comma = close == "]";
  while (!at_end() && !is(close)) {
    const std::size_t before = at_;
    items.push_back(read());
    if (accept(",")) has_comma = true;
    if (at_ == before) break;
  }
  accept(close);
  if (!has_comma && items.size() == 1) return std::move(items.front());
  return list_value(std::move(items));
}

TemplateValue TemplateExpression::read_dict() {
  std::vector<std::string> keys;
  std::vector<TemplateValue> items;
  while (!at_end() && !is("}")) {
    const std::size_t before = at_;
    keys.push_back(read().as_text().value_or(""));
    items.emplace_back();
    if (accept(":")) items.back() = read();
    accept(",");
    if (at_ == before) break;
  }
  accept("}");
  return dict_value(std::move(keys), std::move(items));
}

TemplateValue TemplateExpression::read_postfix(TemplateValue value, std::string_view name) {
  // "namespace.attribute" for as long as only names were read.
  std::string path(name);
  while (!at_end()) {
    if (is(".")) {
      value = read_attribute(value, path);
      const bool is_path =
          !path.empty() && path.size() < 128 && at_ <= tokens_.size() && tokens_[at_ - 1].kind == TokenKind::Name;
      path = is_path ? path + "." + std::string(tokens_[at_ - 1].text.substr(0, 64)) : std::string();
      continue;
    }
    if (is("[")) {
      value = read_subscript(value);
    } else if (is("(")) {
      value = read_call(path);
    } else if (is("|")) {
      value = read_filter(value);
    } else if (is("is")) {
      read_test();
      value = {};
    } else {
      return value;
    }
    path.clear();
  }
  return value;
}

// ".NAME", and the call of a string's method.
TemplateValue TemplateExpression::read_attribute(const TemplateValue& owner, std::string_view path) {
  ++at_;
  if (at_end()) return {};
  if (tokens_[at_].kind == TokenKind::Number) {
    ++at_;
    return {};
  }
  const std::string_view name = accept_name();
  if (name.empty()) return {};
  if (is("(")) {
    if (name == "format" && owner.is_text()) {
      for (const std::string& field : format_fields(owner.text)) {
        if (leads_out(field)) add_fault(faults_.escapes, field);
      }
    }
    ++at_;
    const TemplateArguments arguments = read_arguments();
    return noted(called_method(owner, name, arguments));
  }
  if (const TemplateValue* member = owner.find(name)) return *member;
  if (path.empty()) return {};
  const TemplateValue* bound = scope_.find(std::string(path) + "." + std::string(name));
  return bound == nullptr ? TemplateValue() : *bound;
}

TemplateValue TemplateExpression::read_subscript(const TemplateValue& owner) {
  using Kind = TemplateValue::Kind;
  const std::size_t begin = ++at_;
  std::array<std::optional<TemplateValue>, 3> parts;
  std::size_t part = 0;
  bool is_slice = false;
  while (!at_end() && !is("]")) {
    const std::size_t before = at_;
    if (accept(":")) {
      is_slice = true;
      part = std::min<std::size_t>(part + 1, 2);
    } else if (!accept(",")) {
      parts.at(part) = read();
    }
    if (at_ == before) break;
  }
  const TemplateValue index = parts[0].value_or(TemplateValue());
  if (!is_slice) judge_name(index, begin);
  accept("]");
  if (is_slice) {
    TemplateSlice slice;
    const auto number = [&](const std::optional<TemplateValue>& value) -> std::optional<std::int64_t> {
      if (!value) return std::nullopt;
      slice.known = slice.known && value->kind == Kind::Number && value->known;
      return value->number;
    };
    slice.begin = number(parts[0]);
    slice.end = number(parts[1]);
    slice.step = number(parts[2]);
    return noted(sliced(owner, slice));
  }
  if (index.is_text()) {
    const TemplateValue* member = owner.find(index.text);
    return member == nullptr ? TemplateValue() : *member;
  }
  if (index.kind != Kind::Number || !index.known) {
    return {};
  }
  const auto size = static_cast<std::int64_t>(owner.is_list() ? owner.items->size() : owner.text.size());
  const std::int64_t at = index.number < 0 ? index.number + size : index.number;
  if (at < 0 || at >= size) return {};
  if (owner.is_list()) return (*owner.items)[static_cast<std::size_t>(at)];
  return text_value(std::string(1, owner.text[static_cast<std::size_t>(at)]));
}

TemplateArguments TemplateExpression::read_arguments() {
  TemplateArguments arguments;
  while (!at_end() && !is(")")) {
    const std::size_t before = at_;
    while (accept("*") || accept("**")) continue;
    if (is("=", 1) && tokens_[at_].kind == TokenKind::Name) {
      const std::string_view name = accept_name();
      ++at_;
      arguments.named.emplace_back(name, read());
    } else {
      arguments.positional.push_back(read());
    }
    accept(",");
    if (at_ == before) break;
  }
  accept(")");
  return arguments;
}

TemplateValue TemplateExpression::read_call(std::string_view name) {
  ++at_;
  const TemplateArguments arguments = read_arguments();
  if (name.empty()) return {};
  if (name == "namespace" || name == "dict") {
    std::vector<std::string> keys;
    std::vector<TemplateValue> items;
    for (const auto& [key, value] : arguments.named) {
      keys.push_back(key);
      items.push_back(value);
    }
    if (keys.empty() && arguments.positional.size() == 1) return arguments.positional.front();
    return dict_value(std::move(keys), std::move(items));
  }
  const std::vector<std::string>* parameters = scope_.parameters(name);
  if (parameters == nullptr) return {};
  for (std::size_t i = 0; i < std::min(parameters->size(), arguments.positional.size()); ++i) {
    scope_.pass(name, (*parameters)[i], arguments.positional[i]);
  }
  for (const auto& [key, value] : arguments.named) {
    if (contains(*parameters, key)) scope_.pass(name, key, value);
  }
  const TemplateValue* text = scope_.find(std::string(name) + "()");
  return text == nullptr ? built_value() : *text;
}

TemplateValue TemplateExpression::read_filter(const TemplateValue& value) {
  ++at_;
  const std::size_t begin = at_;
  std::string_view name = accept_name();
  while (is(".") && at_ + 1 < tokens_.size() && tokens_[at_ + 1].kind == TokenKind::Name) at_ += 2;
  TemplateArguments arguments;
  if (accept("(")) arguments = read_arguments();
  judge_filter(name, arguments, begin);
  return noted(filtered(value, name, arguments));
}

void TemplateExpression::judge_filter(std::string_view filter, const TemplateArguments& arguments, std::size_t begin) {
  const auto* row = std::ranges::find(kAttributeFilters, filter, &AttributeFilter::name);
  if (row == kAttributeFilters.end()) return;
  const auto judge = [&](const TemplateValue& name) {
    if (!name.is_text()) return judge_name(name, begin);
    for (std::size_t at = 0; at <= name.text.size();) {  // "a.b": an attribute's attribute
      const std::size_t dot = std::min(name.text.find('.', at), name.text.size());
      TemplateValue part = name;
      part.text = name.text.substr(at, dot - at);
      judge_name(part, begin);
      at = dot + 1;
    }
  };
  if (const TemplateValue* name = arguments.named_as("attribute")) judge(*name);
  if (const TemplateValue* name = arguments.named_as("name"); name != nullptr && filter == "attr") judge(*name);
  if (const TemplateValue* name = arguments.at(row->position)) judge(*name);
  // map('attr', NAME): a filter by its own name.
  if (filter != "map" || arguments.positional.empty()) return;
  const TemplateValue& other = arguments.positional.front();
  if (other.is_text() && contains(kUnusualFilters, other.text)) add_fault(faults_.unusual, "|" + other.text);
  if (other.built) add_fault(faults_.unusual, spelled(begin));
  if (const TemplateValue* name = arguments.at(1); name != nullptr && other.is_text() && other.text == "attr")
    judge(*name);
}

// "is NAME", "is not NAME ARGUMENT".
void TemplateExpression::read_test() {
  ++at_;
  accept("not");
  accept_name();
  while (is(".") && at_ + 1 < tokens_.size()) at_ += 2;
  if (accept("(")) {
    read_arguments();
  } else if (!at_end() && (tokens_[at_].kind != TokenKind::Operator || is("[") || is("{")) &&
             binding(tokens_[at_]) == 0) {
    read_primary();
  }
}

}  // namespace weigh::core
