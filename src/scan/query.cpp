#include "src/scan/query.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

#include "formats/error.h"

namespace weigh::core {

namespace {

enum class FieldKind : std::uint8_t { Text, Count, Bytes, Plain };

using Texts = std::vector<std::string>;

/// A row of the table of fields: by what a list is filtered and sorted.
struct Field {
  std::string_view name;
  FieldKind kind;
  std::optional<double> (*number)(const ScanRow&);  ///< null for text
  Texts (*texts)(const ScanRow&);                   ///< any of them may meet the condition; the first one sorts
};

std::optional<double> as_number(const std::optional<std::uint64_t>& value) {
  return value ? std::optional(static_cast<double>(*value)) : std::nullopt;
}

Texts verdicts_of(const ScanRow& row) {
  Texts verdicts;
  for (const auto& [device, verdict] : row.verdicts) verdicts.push_back(verdict);
  return verdicts;
}

Texts dtypes_of(const ScanRow& row) {
  Texts all{row.dtype};
  all.insert(all.end(), row.dtypes.begin(), row.dtypes.end());
  return all;
}

// clang-format off
constexpr std::array kFields{
    Field{"params", FieldKind::Count, [](const ScanRow& r) { return as_number(r.parameters); }, nullptr},
    Field{"active", FieldKind::Count, [](const ScanRow& r) { return as_number(r.active); }, nullptr},
    Field{"bits", FieldKind::Plain, [](const ScanRow& r) { return r.bits_per_weight; }, nullptr},
    Field{"size", FieldKind::Bytes, [](const ScanRow& r) { return as_number(r.file_bytes); }, nullptr},
    Field{"experts", FieldKind::Plain, [](const ScanRow& r) { return as_number(r.experts.value_or(0)); }, nullptr},
    Field{"files", FieldKind::Plain, [](const ScanRow& r) { return as_number(r.files); }, nullptr},
    Field{"errors", FieldKind::Plain, [](const ScanRow& r) { return as_number(r.errors); }, nullptr},
    Field{"warnings", FieldKind::Plain, [](const ScanRow& r) { return as_number(r.warnings); }, nullptr},
    Field{"name", FieldKind::Text, nullptr, [](const ScanRow& r) { return Texts{r.name}; }},
    Field{"path", FieldKind::Text, nullptr, [](const ScanRow& r) { return Texts{r.path}; }},
    Field{"arch", FieldKind::Text, nullptr, [](const ScanRow& r) { return Texts{r.architecture}; }},
    Field{"dtype", FieldKind::Text, nullptr, dtypes_of},
    Field{"format", FieldKind::Text, nullptr, [](const ScanRow& r) { return Texts{r.format}; }},
    Field{"store", FieldKind::Text, nullptr, [](const ScanRow& r) { return Texts{r.store}; }},
    Field{"verdict", FieldKind::Text, nullptr, verdicts_of},
};
// clang-format on

std::string lower(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return result;
}

std::size_t field_by_name(std::string_view flag, std::string_view name) {
  const auto field = std::ranges::find(kFields, lower(name), &Field::name);
  if (field == kFields.end()) {
    throw UsageError(fmt::format("{}: no field '{}'; there are {}", flag, name, fields_listed()));
  }
  return static_cast<std::size_t>(field - kFields.begin());
}

// "30B", "8GiB", "4.5": decimal units for parameters, both kinds for bytes.
std::optional<double> parse_number(std::string_view text, FieldKind kind) {
  struct Unit {
    std::string_view suffix;
    double factor;
  };
  static constexpr std::array kCounts{Unit{"k", 1e3}, Unit{"m", 1e6}, Unit{"b", 1e9}, Unit{"t", 1e12}};
  static constexpr double kKi = 1024.0;
  static constexpr std::array kSizes{
      Unit{"kib", kKi},
      Unit{"mib", kKi * kKi},
      Unit{"gib", kKi * kKi * kKi},
      Unit{"tib", kKi * kKi * kKi * kKi},
      Unit{"kb", 1e3},
      Unit{"mb", 1e6},
      Unit{"gb", 1e9},
      Unit{"tb", 1e12},
      Unit{"k", kKi},
      Unit{"m", kKi * kKi},
      Unit{"g", kKi * kKi * kKi},
      Unit{"t", kKi * kKi * kKi * kKi},
      Unit{"b", 1},
  };
  std::string number = lower(text);
  double factor = 1;
  const auto take_unit = [&](const auto& units) {
    for (const Unit& unit : units) {
      if (!number.ends_with(unit.suffix)) continue;
      number.resize(number.size() - unit.suffix.size());
      factor = unit.factor;
      return;
    }
  };
  if (kind == FieldKind::Count) take_unit(kCounts);
  if (kind == FieldKind::Bytes) take_unit(kSizes);
  while (number.ends_with(' ')) number.pop_back();
  double value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  const bool whole = error == std::errc() && end == number.data() + number.size() && !number.empty();
  return whole && value >= 0 && value < 1e30 ? std::optional(value * factor) : std::nullopt;
}

}  // namespace

std::string fields_listed() {
  std::string text;
  for (const Field& field : kFields) text += fmt::format("{}{}", text.empty() ? "" : ", ", field.name);
  return text;
}

std::uint64_t parse_bytes(std::string_view flag, const std::string& text) {
  const auto bytes = parse_number(text, FieldKind::Bytes);
  if (!bytes || *bytes > 9e18)
    throw UsageError(fmt::format("{} {}: not a size; write 500MB, 8GiB or 1024", flag, text));
  return static_cast<std::uint64_t>(*bytes);
}

Filter::Filter(std::string_view text) {
  struct Sign {
    std::string_view text;
    Operator meaning;
  };
  static constexpr std::array kSigns{Sign{">=", Operator::GreaterOrEqual}, Sign{"<=", Operator::LessOrEqual},
                                     Sign{"!=", Operator::NotEqual},       Sign{"==", Operator::Equal},
                                     Sign{">", Operator::Greater},         Sign{"<", Operator::Less},
                                     Sign{"~", Operator::Contains},        Sign{"=", Operator::Equal}};
  const std::size_t at = text.find_first_of("<>=!~");
  const auto sign = std::ranges::find_if(
      kSigns, [&](const Sign& s) { return at != std::string_view::npos && text.substr(at).starts_with(s.text); });
  if (sign == kSigns.end()) {
    throw UsageError(fmt::format("--filter {}: write FIELD, one of = != < <= > >= ~, and a value: params>30B", text));
  }
  field_ = field_by_name(fmt::format("--filter {}", text), text.substr(0, at));
  operator_ = sign->meaning;
  const std::string_view value = text.substr(at + sign->text.size());
  text_ = lower(value);
  const Field& field = kFields[field_];
  const bool ordered =
      operator_ != Operator::Equal && operator_ != Operator::NotEqual && operator_ != Operator::Contains;
  if (field.kind == FieldKind::Text) {
    if (ordered) throw UsageError(fmt::format("--filter {}: {} is text; there are = != and ~", text, field.name));
    return;
  }
  const auto number = parse_number(value, field.kind);
  if (operator_ == Operator::Contains || !number) {
    throw UsageError(fmt::format("--filter {}: {} is compared with a number", text, field.name));
  }
  number_ = *number;
}

bool Filter::takes(const ScanRow& row) const {
  const Field& field = kFields[field_];
  if (field.kind == FieldKind::Text) {
    const Texts texts = field.texts(row);
    const auto equal = [&](const std::string& text) { return lower(text) == text_; };
    const auto contains = [&](const std::string& text) { return lower(text).find(text_) != std::string::npos; };
    if (operator_ == Operator::Contains) return std::ranges::any_of(texts, contains);
    return (operator_ == Operator::Equal) == std::ranges::any_of(texts, equal);
  }
  const auto value = field.number(row);
  if (!value) return false;  // what is not known meets no condition
  switch (operator_) {
    case Operator::Less: return *value < number_;
    case Operator::LessOrEqual: return *value <= number_;
    case Operator::Greater: return *value > number_;
    case Operator::GreaterOrEqual: return *value >= number_;
    case Operator::NotEqual: return *value != number_;
    default: return *value == number_;
  }
}

Order::Order(std::string_view text) {
  const bool reversed = text.starts_with('-');
  field_ = field_by_name(fmt::format("--sort {}", text), reversed ? text.substr(1) : text);
  ascending_ = (kFields[field_].kind == FieldKind::Text) != reversed;
}

bool Order::operator()(const ScanRow& a, const ScanRow& b) const {
  const Field& field = kFields[field_];
  if (field.kind == FieldKind::Text) {
    const Texts first = field.texts(a);
    const Texts second = field.texts(b);
    const std::string one = first.empty() ? "" : lower(first.front());
    const std::string other = second.empty() ? "" : lower(second.front());
    if (one.empty() != other.empty()) return other.empty();
    if (one != other) return ascending_ ? one < other : other < one;
  } else {
    const auto one = field.number(a);
    const auto other = field.number(b);
    if (one.has_value() != other.has_value()) return one.has_value();
    if (one && *one != *other) return ascending_ ? *one < *other : *other < *one;
  }
  return a.path < b.path;
}

}  // namespace weigh::core
