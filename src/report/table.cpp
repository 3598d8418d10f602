#include "src/report/table.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "src/fit/fit.h"
#include "src/report/text_format.h"
#include "src/report/text_writer.h"

namespace weigh::core {
namespace {

template <typename... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
template <typename... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

std::string shown(std::uint64_t number, Unit unit, bool exact) {
  if (unit == Unit::Size && !exact) return human_bytes(number);
  if (unit == Unit::Disk && !exact) return disk_bytes(number);
  if (unit == Unit::Parameters && !exact) return human_parameters(number);
  return grouped(number);
}

/// For people: rounded or grouped.
std::string shown(const Cell& cell, Unit unit, bool exact, bool unicode) {
  return std::visit(Overloaded{[](std::monostate) { return std::string("-"); },
                               [&](const std::string& text) { return escaped(text, unicode); },
                               [&](const OwnText& own) { return escaped(own.text, unicode); },
                               [&](std::uint64_t number) { return shown(number, unit, exact); },
                               [&](std::int64_t number) {
                                 const auto size = number < 0 ? 0 - static_cast<std::uint64_t>(number)
                                                              : static_cast<std::uint64_t>(number);
                                 return (number < 0 ? "-" : "") + shown(size, unit, exact);
                               },
                               [](double number) { return fmt::format("{:.2f}", number); }},
                    cell);
}

/// What a spreadsheet takes for a formula begins with one of these, in full width as well.
std::string without_formula(std::string text) {
  constexpr std::array<std::string_view, 8> kBeginnings{"=", "+", "-", "@", "\uFF1D", "\uFF0B", "\uFF0D", "\uFF20"};
  const auto begins = [&](std::string_view beginning) { return text.starts_with(beginning); };
  return std::ranges::any_of(kBeginnings, begins) ? "'" + text : text;
}

std::string csv_quoted(std::string text) {
  if (text.find_first_of(",\"") == std::string::npos) return text;
  std::string quoted_text = "\"";
  for (const char c : text) quoted_text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted_text + "\"";
}

/// For programs: every digit.
std::string csv_cell(const Cell& cell) {
  return std::visit(Overloaded{[](std::monostate) { return std::string(); },
                               [](const std::string& text) { return csv_quoted(without_formula(escaped(text))); },
                               [](const OwnText& own) { return csv_quoted(escaped(own.text)); },
                               [](double number) { return fmt::format("{}", number); },
                               [](auto number) { return std::to_string(number); }},
                    cell);
}

constexpr std::size_t kLeastName = 20;  // a name shorter than this says nothing; the line may rather be too long

/// Cells as they are shown, the headings first.
std::vector<std::vector<std::string>> shown_lines(const Table& table, const Style& style, bool exact) {
  std::vector<std::vector<std::string>> lines(1);
  for (const Column& column : table.columns) lines[0].emplace_back(column.name);
  for (const auto& row : table.rows) {
    auto& line = lines.emplace_back();
    for (std::size_t i = 0; i < row.size(); ++i) {
      line.push_back(shown(row[i], table.columns[i].unit, exact, style.unicode));
    }
  }
  return lines;
}

std::vector<std::size_t> widths_of(const std::vector<std::vector<std::string>>& lines) {
  std::vector<std::size_t> widths(lines.front().size(), 0);
  for (const auto& line : lines) {
    for (std::size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], display_width(line[i]));
  }
  return widths;
}

/// Of all columns after the first, the gaps included.
std::size_t width_of_others(const std::vector<std::size_t>& widths) {
  std::size_t others = 0;
  for (std::size_t i = 1; i < widths.size(); ++i) others += widths[i] + 2;
  return others;
}

std::string colored_verdict(const std::string& verdict) {
  const auto color = color_of(verdict);
  return color ? TextWriter::colored_always(verdict, *color) : verdict;
}

}  // namespace

std::size_t least_width(const Table& table, const Style& style, bool exact) {
  const std::vector<std::size_t> widths = widths_of(shown_lines(table, style, exact));
  return std::min(widths.front(), kLeastName) + width_of_others(widths);
}

void write_text_table(const Table& table, const Style& style, bool exact, std::ostream& out) {
  std::string alignment;
  for (const Column& column : table.columns) alignment += column.unit <= Unit::Verdict ? 'l' : 'r';
  std::vector<std::vector<std::string>> lines = shown_lines(table, style, exact);
  if (style.terminal) {
    const std::size_t others = width_of_others(widths_of(lines));
    const std::size_t room = others + kLeastName < style.width ? style.width - others : kLeastName;
    for (auto& line : lines) line[0] = cut_middle(line[0], room, style.unicode);
  }
  for (std::size_t i = 0; style.color && i < table.columns.size(); ++i) {
    if (table.columns[i].unit != Unit::Verdict) continue;
    for (std::size_t row = 1; row < lines.size(); ++row) lines[row][i] = colored_verdict(lines[row][i]);
  }
  std::size_t row = 0;  // 0: the headings
  for (const std::string& line : aligned(lines, alignment)) {
    out << line << '\n';
    if (row > 0 && row <= table.notes.size()) {
      for (const std::string& note : table.notes[row - 1]) out << "    " << note << '\n';
    }
    ++row;
  }
}

void write_csv_table(const Table& table, std::ostream& out) {
  for (std::size_t i = 0; i < table.columns.size(); ++i) out << (i > 0 ? "," : "") << table.columns[i].name;
  out << '\n';
  for (const auto& row : table.rows) {
    for (std::size_t i = 0; i < row.size(); ++i) out << (i > 0 ? "," : "") << csv_cell(row[i]);
    out << '\n';
  }
}

void write_markdown_table(const Table& table, std::ostream& out) {
  out << '|';
  for (const Column& column : table.columns) out << ' ' << column.name << " |";
  out << "\n|";
  for (const Column& column : table.columns) out << (column.unit <= Unit::Verdict ? " --- |" : " ---: |");
  out << '\n';
  for (const auto& row : table.rows) {
    out << '|';
    for (std::size_t i = 0; i < row.size(); ++i) {
      out << ' ' << markdown_escaped(shown(row[i], table.columns[i].unit, true, true)) << " |";
    }
    out << '\n';
  }
}

}  // namespace weigh::core
