#include "src/verify/line_pattern.h"

#include <algorithm>

namespace weigh::core {
namespace {

constexpr std::string_view kSpace = " \t\v\f\r";

bool is_space(char c) { return kSpace.find(c) != std::string_view::npos; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// The letters that a pattern goes on with, up to white space or the next capture.
std::string_view literal(std::string_view pattern) { return pattern.substr(0, pattern.find_first_of(" %~")); }

std::size_t number_length(std::string_view text) {
  std::size_t end = !text.empty() && (text.front() == '-' || text.front() == '+') ? 1 : 0;
  const std::size_t first = end;
  const auto digits = [&](bool grouped) {
    while (end < text.size() && (is_digit(text[end]) || (grouped && text[end] == ',' && end > first &&
                                                         end + 1 < text.size() && is_digit(text[end + 1])))) {
      ++end;
    }
  };
  digits(true);
  if (end == first) return 0;
  if (end + 1 < text.size() && text[end] == '.' && is_digit(text[end + 1])) {
    ++end;
    digits(false);
  }
  return end;
}

std::size_t word_length(std::string_view text, std::string_view rest_of_pattern) {
  const std::string_view next = literal(rest_of_pattern);
  std::size_t end = std::min(text.find_first_of(kSpace), text.size());
  if (!next.empty()) end = std::min(end, text.find(next));
  return end;
}

/// Nothing where the text does not go on as it must.
std::optional<std::size_t> text_length(std::string_view text, std::string_view rest_of_pattern) {
  if (rest_of_pattern.empty()) return text.size();
  const bool spaced = rest_of_pattern.front() == ' ';
  const std::string_view next = literal(spaced ? rest_of_pattern.substr(1) : rest_of_pattern);
  if (next.empty()) return std::min(text.find_first_of(kSpace), text.size());
  for (std::size_t end = text.find(next); end != std::string_view::npos; end = text.find(next, end + 1)) {
    if (!spaced) return end;
    if (end == 0 || !is_space(text[end - 1])) continue;
    const std::size_t last = text.substr(0, end).find_last_not_of(kSpace);
    return last == std::string_view::npos ? 0 : last + 1;
  }
  return std::nullopt;
}

bool take_capture(char kind, std::string_view& text, std::string_view rest, Captures& captures) {
  std::optional<std::size_t> length;
  if (kind == 'n') length = number_length(text);
  if (kind == 'w') length = word_length(text, rest);
  if (kind == 't') length = text_length(text, rest);
  if (!length || (*length == 0 && kind != 't') || captures.count == Captures::kMost) return false;
  captures.words[captures.count++] = text.substr(0, *length);
  text.remove_prefix(*length);
  return true;
}

bool match_here(std::string_view text, std::string_view pattern, Captures& captures) {
  while (!pattern.empty()) {
    const char c = pattern.front();
    if (c == '%') {
      const char kind = pattern[1];
      pattern.remove_prefix(2);
      if (!take_capture(kind, text, pattern, captures)) return false;
    } else if (c == ' ') {
      if (text.empty() || !is_space(text.front())) return false;
      text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
      pattern.remove_prefix(1);
    } else if (c == '~') {
      text.remove_prefix(std::min(text.find_first_not_of(kSpace), text.size()));
      pattern.remove_prefix(1);
    } else {
      if (text.empty() || text.front() != c) return false;
      text.remove_prefix(1);
      pattern.remove_prefix(1);
    }
  }
  return true;
}

constexpr std::string_view kWordFirst = "%w ";

/// The word and the white space that end at `end`: where the word begins, or nothing.
std::optional<std::size_t> word_before(std::string_view line, std::size_t end) {
  std::size_t last = end;
  while (last > 0 && is_space(line[last - 1])) --last;
  if (last == end || last == 0) return std::nullopt;
  while (last > 0 && !is_space(line[last - 1])) --last;
  return last;
}

}  // namespace

std::string_view Captures::function() const {
  std::string_view text = before;
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  if (text.empty() || text.back() != ':') return {};
  text.remove_suffix(1);
  const std::size_t space = text.find_last_of(kSpace);
  return space == std::string_view::npos ? text : text.substr(space + 1);
}

std::optional<Captures> find_pattern(std::string_view line, std::string_view pattern) {
  constexpr int kMostTries = 4;  // the same letters may stand in a line before; more often is noise
  const bool word_first = pattern.starts_with(kWordFirst);
  const std::string_view first = literal(word_first ? pattern.substr(kWordFirst.size()) : pattern);
  std::size_t at = 0;
  for (int tried = 0; tried < kMostTries; ++tried) {
    at = line.find(first, at);
    if (at == std::string_view::npos) return std::nullopt;
    const std::optional<std::size_t> begin = word_first ? word_before(line, at) : at;
    Captures captures;
    if (begin && match_here(line.substr(*begin), pattern, captures)) {
      captures.before = line.substr(0, *begin);
      return captures;
    }
    ++at;
  }
  return std::nullopt;
}

std::int64_t Printed::away(std::int64_t figure) const {
  if (figure > value + above) return figure - (value + above);
  return figure < value - below ? figure - (value - below) : 0;
}

Printed sum(const Printed& a, const Printed& b) {
  static constexpr std::int64_t kMost = std::int64_t{1} << 61;
  const auto added = [](std::int64_t x, std::int64_t y) { return std::clamp(x + y, -kMost, kMost); };
  return {added(a.value, b.value), added(a.below, b.below), added(a.above, b.above)};
}

std::optional<Printed> printed_number(std::string_view text, std::uint64_t unit) {
  __extension__ using Wide = __int128;
  constexpr Wide kMost = Wide{1} << 60;
  constexpr int kMostDecimals = 6;
  if (text.empty() || number_length(text) != text.size()) return std::nullopt;
  const bool negative = text.front() == '-';
  Wide digits = 0;
  Wide parts = 1;  // of a unit, that the last digit counts
  int decimals = -1;
  for (const char c : text) {
    if (c == '.') decimals = 0;
    if (!is_digit(c) || decimals == kMostDecimals) continue;
    digits = digits * 10 + (c - '0');
    if (digits >= kMost) return std::nullopt;
    if (decimals >= 0) {
      ++decimals;
      parts *= 10;
    }
  }
  const Wide scaled = (digits * unit + parts / 2) / parts;
  if (scaled >= kMost) return std::nullopt;
  const Wide half = unit == 1 && decimals < 0 ? 0 : (static_cast<Wide>(unit) + 2 * parts - 1) / (2 * parts);
  return Printed{static_cast<std::int64_t>(negative ? -scaled : scaled), static_cast<std::int64_t>(half),
                 static_cast<std::int64_t>(half)};
}

std::optional<Printed> printed_whole(std::string_view text, std::uint64_t unit) {
  auto number = printed_number(text, unit);
  if (number) {
    number->below = 0;
    number->above = static_cast<std::int64_t>(unit) - 1;
  }
  return number;
}

}  // namespace weigh::core
