#pragma once

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "src/report/report.h"
#include "src/report/style.h"
#include "src/report/text_format.h"

namespace weigh::core {

inline constexpr std::size_t kWidestLine = 120;  ///< on wider terminals the eye would lose the line

enum class Color : std::uint8_t { Red, Yellow, Green, Bold, Cyan, Grey };

/// What a verdict's word is shown in; nothing for any other word.
inline std::optional<Color> color_of(std::string_view verdict) {
  constexpr std::array<std::pair<std::string_view, Color>, 5> kColors{{{"fits", Color::Green},
                                                                       {"tight", Color::Yellow},
                                                                       {"offload", Color::Cyan},
                                                                       {"no", Color::Red},
                                                                       {"broken", Color::Grey}}};
  for (const auto& [word, color] : kColors) {
    if (word == verdict) return color;
  }
  return std::nullopt;
}

/// Writes the lines of one report in one style.
class TextWriter {
 public:
  TextWriter(const Style& style, std::ostream& out) : style_(style), out_(out) {}

  [[nodiscard]] std::size_t width() const { return std::clamp<std::size_t>(style_.width, 40, kWidestLine); }
  [[nodiscard]] const Style& style() const { return style_; }
  [[nodiscard]] std::string safe(std::string_view text) const { return escaped(text, style_.unicode); }

  [[nodiscard]] std::string colored(std::string_view text, Color color) const {
    return style_.color ? colored_always(text, color) : std::string(text);
  }
  static std::string colored_always(std::string_view text, Color color) {
    static constexpr std::array<std::string_view, 6> kCodes{"31", "33", "32", "1", "36", "90"};
    return fmt::format("\x1b[{}m{}\x1b[0m", kCodes[static_cast<std::size_t>(color)], text);
  }

  void line(std::string_view text = {}) { out_ << text << '\n'; }

  /// A head, then lines that start in the same column.
  void hang(std::string_view head, const std::vector<std::string>& lines) {
    std::string start(head);
    for (const std::string& text : lines) {
      line(start + text);
      start = std::string(display_width(head), ' ');
    }
  }

  /// Columns after `head`, at least a few words' worth.
  [[nodiscard]] std::size_t room_after(std::string_view head) const {
    return std::max<std::size_t>(20, width() - std::min(width(), display_width(head)));
  }

  void paragraph(std::string_view head, std::string_view text) { hang(head, wrapped(text, room_after(head))); }

  [[nodiscard]] std::string label(std::string_view name, std::optional<Color> color = std::nullopt) const {
    const std::string padded = fmt::format("{:<12}", name);
    return "  " + (color ? colored(padded, *color) : padded);
  }

 private:
  const Style& style_;
  std::ostream& out_;
};

}  // namespace weigh::core
