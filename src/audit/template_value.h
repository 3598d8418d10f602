#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace weigh::core {

/// What is known of a value in a template without running it. Texts of more than 512 bytes and lists of more than 1 KiB are not
/// followed, so that every operation takes bounded time.
struct TemplateValue {
  enum class Kind : std::uint8_t { Unknown, Number, Text, List, Dict };
  Kind kind = Kind::Unknown;
  bool known = false;  ///< a Number or Text whose value is known; lists and dicts always are
  bool mixed = false;  ///< it may be something else as well: another branch sets it otherwise
  bool built = false;  ///< it is text made of parts that are not all known
  std::int64_t number = 0;
  std::string text = {};
  std::shared_ptr<const std::vector<TemplateValue>> items = {};  ///< of a List or Dict
  std::shared_ptr<const std::vector<std::string>> keys = {};     ///< of a Dict
  std::size_t weight = 0;                                        ///< bytes, about

  [[nodiscard]] bool is_text() const { return kind == Kind::Text && known; }
  /// Text or a number, as text.
  [[nodiscard]] std::optional<std::string> as_text() const;
  [[nodiscard]] bool is_list() const { return kind == Kind::List; }
  /// The member of a Dict; nothing when there is none of that key.
  [[nodiscard]] const TemplateValue* find(std::string_view key) const;
};

TemplateValue text_value(std::string text);
TemplateValue number_value(std::optional<std::int64_t> number);
TemplateValue list_value(std::vector<TemplateValue> items);
TemplateValue dict_value(std::vector<std::string> keys, std::vector<TemplateValue> items);
/// Text made of parts that are not known.
TemplateValue built_value();

/// A value that is one or the other. Of two known texts the one that is kept looks more like a way out.
TemplateValue merged(const TemplateValue& left, const TemplateValue& right);

/// left OP right for OP of + ~ * %; unknown for another one.
TemplateValue combined(std::string_view op, const TemplateValue& left, const TemplateValue& right);

/// value[begin:end:step]; a part that is left out is nothing, `known` says whether the others are.
struct TemplateSlice {
  std::optional<std::int64_t> begin, end, step;
  bool known = true;
};
TemplateValue sliced(const TemplateValue& value, const TemplateSlice& slice);

/// Arguments of a call or a filter.
struct TemplateArguments {
  std::vector<TemplateValue> positional;
  std::vector<std::pair<std::string, TemplateValue>> named;

  [[nodiscard]] const TemplateValue* at(std::size_t index) const;
  [[nodiscard]] const TemplateValue* named_as(std::string_view name) const;
};

/// value.NAME(...) of a string's method.
TemplateValue called_method(const TemplateValue& value, std::string_view name, const TemplateArguments& arguments);

/// value|NAME(...).
TemplateValue filtered(const TemplateValue& value, std::string_view name, const TemplateArguments& arguments);

/// The attributes and items that a format string of str.format() asks for: "class" and "x" in "{0.class[x]}".
std::vector<std::string> format_fields(std::string_view format);

}  // namespace weigh::core
