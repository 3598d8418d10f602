#include "src/report/text_layout.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>

#include "src/report/code_point.h"

namespace weigh::core {
namespace {

struct WidthRange {
  char32_t first, last;
  std::size_t columns;
};

/// The common ranges that are not one column wide (Unicode East Asian Width W and F; combining marks).
constexpr std::array kWidths{
    WidthRange{0x0300, 0x036F, 0},   WidthRange{0x1100, 0x115F, 2},   WidthRange{0x20D0, 0x20FF, 0},
    WidthRange{0x2E80, 0xA4CF, 2},   WidthRange{0xAC00, 0xD7A3, 2},   WidthRange{0xF900, 0xFAFF, 2},
    WidthRange{0xFE00, 0xFE0F, 0},   WidthRange{0xFE30, 0xFE6F, 2},   WidthRange{0xFF00, 0xFF60, 2},
    WidthRange{0xFFE0, 0xFFE6, 2},   WidthRange{0x1F300, 0x1F64F, 2}, WidthRange{0x1F680, 0x1F6FF, 2},
    WidthRange{0x1F900, 0x1F9FF, 2}, WidthRange{0x20000, 0x3FFFD, 2},
};

std::size_t columns_of(char32_t c) {
  const auto range =
      std::find_if(kWidths.begin(), kWidths.end(), [c](const WidthRange& r) { return r.first <= c && c <= r.last; });
  return range == kWidths.end() ? 1 : range->columns;
}

/// One glyph of escaped text, or one colour sequence.
struct Glyph {
  std::string_view bytes;
  std::size_t columns = 0;
};

std::vector<Glyph> glyphs(std::string_view text) {
  std::vector<Glyph> result;
  while (!text.empty()) {
    const std::size_t sequence_end = text.front() == '\x1b' ? text.find('m') : std::string_view::npos;
    const CodePoint point = first_code_point(text);
    const std::size_t bytes =
        sequence_end != std::string_view::npos ? sequence_end + 1 : std::max<std::size_t>(point.bytes, 1);
    result.push_back({text.substr(0, bytes), sequence_end != std::string_view::npos ? 0 : columns_of(point.value)});
    text.remove_prefix(bytes);
  }
  return result;
}

/// Whether the next word is a unit, which stays on the line of its number.
bool starts_with_unit(std::string_view text) {
  static constexpr std::array<std::string_view, 9> kUnits{"GiB", "MiB", "KiB", "bytes", "%", "B", "M", "K", "T"};
  const std::string_view word = text.substr(0, text.find_first_of(" ,;:"));
  return std::find(kUnits.begin(), kUnits.end(), word) != kUnits.end();
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  for (const Glyph& glyph : glyphs(text)) width += glyph.columns;
  return width;
}

std::string cut_middle(const std::string& text, std::size_t columns, bool unicode) {
  const std::size_t width = display_width(text);
  const std::string_view mark = unicode ? "\u2026" : "..";
  const std::size_t mark_width = unicode ? 1 : 2;
  if (width <= columns || columns <= mark_width) return text;
  const std::vector<Glyph> all = glyphs(text);
  const std::size_t tail_budget = (columns - mark_width) / 2;
  const std::size_t head_budget = columns - mark_width - tail_budget;

  std::string head;
  std::size_t used = 0;
  for (auto glyph = all.begin(); glyph != all.end() && used + glyph->columns <= head_budget; ++glyph) {
    head += glyph->bytes;
    used += glyph->columns;
  }
  auto tail = all.end();
  used = 0;
  while (used + std::prev(tail)->columns <= tail_budget) used += (--tail)->columns;
  head += mark;
  for (; tail != all.end(); ++tail) head += tail->bytes;
  return head;
}

std::vector<std::string> wrapped(std::string_view text, std::size_t columns) {
  std::vector<std::string> words;
  while (!text.empty()) {
    std::size_t end = text.find(' ');
    while (end != std::string_view::npos && starts_with_unit(text.substr(end + 1))) end = text.find(' ', end + 1);
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(text.size(), words.back().size() + 1));
  }
  return packed(words, " ", columns);
}

std::vector<std::string> packed(const std::vector<std::string>& items, std::string_view separator,
                                std::size_t columns) {
  std::vector<std::string> lines;
  for (const std::string& item : items) {
    if (lines.empty() || display_width(lines.back()) + display_width(separator) + display_width(item) > columns) {
      lines.push_back(item);
    } else {
      lines.back() += separator;
      lines.back() += item;
    }
  }
  return lines;
}

std::vector<std::string> aligned(const std::vector<std::vector<std::string>>& rows, std::string_view alignment) {
  std::vector<std::size_t> widths(alignment.size(), 0);
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], display_width(row[i]));
  }
  std::vector<std::string> lines;
  lines.reserve(rows.size());
  for (const auto& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string space(widths[i] - display_width(row[i]), ' ');
      if (i > 0) line += "  ";
      line += alignment[i] == 'r' ? space + row[i] : row[i] + space;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string bar(double share, std::size_t columns, bool unicode) {
  const double length = std::clamp(share, 0.0, 1.0) * static_cast<double>(columns);
  if (!unicode) return std::string(static_cast<std::size_t>(std::lround(length)), '#');
  static constexpr std::array<std::string_view, 8> kEighths{"",       "\u258F", "\u258E", "\u258D",
                                                            "\u258C", "\u258B", "\u258A", "\u2589"};
  const auto eighths = static_cast<std::size_t>(std::lround(length * 8));
  std::string result;
  for (std::size_t i = 0; i < eighths / 8; ++i) result += "\u2588";
  result += kEighths[eighths % 8];
  return result;
}

}  // namespace weigh::core
