#pragma once

#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "src/audit/chat_template.h"
#include "src/audit/template_lexer.h"
#include "src/audit/template_value.h"

namespace weigh::core {

/// What a template itself gives names to. A name that is set in several places has a value that is any of them;
/// loop variables and a macro's parameters hide what is around them.
class TemplateScope {
 public:
  /// Null for a name that the template does not set; `path` may be "namespace.attribute".
  [[nodiscard]] const TemplateValue* find(std::string_view path) const;
  void bind(std::string_view path, const TemplateValue& value);
  /// Begins what ends with leave(): a loop, or a macro of that name.
  void enter(std::string_view name);
  void leave();
  /// A loop variable or parameter of what was entered last.
  void declare(std::string_view name, const TemplateValue& value);
  /// Null for what is no macro.
  [[nodiscard]] const std::vector<std::string>* parameters(std::string_view macro) const;
  void add_macro(std::string_view macro, std::vector<std::string> parameters);
  void pass(std::string_view macro, std::string_view parameter, const TemplateValue& value);
  /// Whether the template sets nothing.
  [[nodiscard]] bool is_empty() const { return values_.empty() && macros_.empty(); }
  /// From now on nothing more is bound.
  void freeze() { frozen_ = true; }

 private:
  [[nodiscard]] std::string key_of(std::string_view path) const;
  void merge_into(const std::string& key, const TemplateValue& value);

  std::map<std::string, TemplateValue, std::less<>> values_;
  std::map<std::string, std::vector<std::string>, std::less<>> macros_;
  std::vector<std::string> entered_;
  bool frozen_ = false;
};

/// Whether an attribute or item of that name leads from a template into Python.
bool leads_out(std::string_view name);
/// Whether it is a member that all of Python's objects have: suspicious as any string.
bool is_python_member(std::string_view text);
/// Adds a word that is not there yet; at most 8 are kept.
void add_fault(std::vector<std::string>& list, std::string_view word);

/// Reads expressions from the tokens of one tag, and records those that reach for a member or build its name.
class TemplateExpression {
 public:
  TemplateExpression(std::span<const TemplateToken> tokens, TemplateScope& scope, TemplateFaults& faults)
      : tokens_(tokens), scope_(scope), faults_(faults) {}

  /// The expression here. Reads on where Jinja would stop, and takes at least one token unless a bracket or a word that
  /// belongs to the statement is in its place.
  TemplateValue read();
  /// Without "a if b else c", as behind "for x in".
  TemplateValue read_operand() { return read_binary(0); }
  /// All expressions up to the end.
  TemplateValue read_rest();

  [[nodiscard]] bool at_end() const { return at_ >= tokens_.size(); }
  [[nodiscard]] bool is(std::string_view word, std::size_t ahead = 0) const;
  bool accept(std::string_view word);
  /// A name, or nothing.
  std::string_view accept_name();
  void skip() { ++at_; }

 private:
  TemplateValue read_binary(int least);
  TemplateValue read_unary();
  TemplateValue read_primary();
  TemplateValue read_sequence(std::string_view close);
  TemplateValue read_dict();
  TemplateValue read_postfix(TemplateValue value, std::string_view name);
  TemplateValue read_attribute(const TemplateValue& owner, std::string_view path);
  TemplateValue read_subscript(const TemplateValue& owner);
  TemplateValue read_call(std::string_view name);
  TemplateValue read_filter(const TemplateValue& value);
  void read_test();
  TemplateArguments read_arguments();
  void judge_name(const TemplateValue& name, std::size_t begin);
  void judge_filter(std::string_view filter, const TemplateArguments& arguments, std::size_t begin);
  TemplateValue noted(TemplateValue value);
  [[nodiscard]] std::string spelled(std::size_t begin) const;

  std::span<const TemplateToken> tokens_;
  TemplateScope& scope_;
  TemplateFaults& faults_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace weigh::core
