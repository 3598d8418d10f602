#pragma once

#include <fmt/format.h>

#include <concepts>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "src/report/json.h"

namespace weigh::core {

/// Writes a JSON text as it goes, without a tree of it: byte for byte what Json::dump() makes of the tree, on one line or
/// indented by two.
class JsonWriter {
 public:
  enum class Layout : std::uint8_t { Line, Indented };
  explicit JsonWriter(Layout layout) : indented_(layout == Layout::Indented) {}

  void object(const auto& fill) { fill_between('{', '}', fill); }
  void array(const auto& fill) { fill_between('[', ']', fill); }

  /// Members of the object that is being filled.
  void object(std::string_view key, const auto& fill) {
    begin_member(key);
    object(fill);
  }
  void array(std::string_view key, const auto& fill) {
    begin_member(key);
    array(fill);
  }
  template <typename T>
  void field(std::string_view key, const T& value) {
    begin_member(key);
    add(value);
  }

  /// Invalid UTF-8 is replaced.
  void add(std::string_view text);
  void add(const char* text) { add(std::string_view(text)); }
  void add(const std::string& text) { add(std::string_view(text)); }
  void add(const Json& tree);
  void add(std::nullptr_t /*null*/) { begin_value("null"); }
  void add(bool value) { begin_value(value ? "true" : "false"); }
  void add(std::integral auto number) { begin_value(fmt::format_int(number).c_str()); }
  void add(double number) { add(Json(number)); }
  template <typename T>
  void add(const std::optional<T>& value) {
    if (value) return add(*value);
    add(nullptr);
  }
  template <typename T>
  void add(const std::vector<T>& values) {
    array([&] {
      for (const T& value : values) add(value);
    });
  }

  /// The whole text, safe to show: characters that hide or reorder others are \uNNNN.
  [[nodiscard]] std::string take();

 private:
  void fill_between(char begin, char end, const auto& fill) {
    begin_value({&begin, 1});
    is_first_ = true;
    ++depth_;
    fill();
    --depth_;
    if (!is_first_) break_line();
    text_ += end;
    is_first_ = false;
  }
  void begin_member(std::string_view key);
  void begin_value(std::string_view text);
  void separate();
  void break_line();
  void append_text(std::string_view text);

  bool indented_;
  std::string text_;
  std::size_t depth_ = 0;
  bool is_first_ = true;    // nothing was put into what is being filled
  bool after_key_ = false;  // the next value is the key's
};

}  // namespace weigh::core
