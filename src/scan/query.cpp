#include "src/scan/query.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

#include "formats/error.h"
#include "formats/text.h"

namespace weigh::core {

namespace {

enum class FieldKind : std::uint8_t { Text, Count, Bytes, Plain };

using Whole = std::optional<std::uint64_t>;

using Texts = std::vector<std::string>;

/// A row of the table of fields: by what a list is filtered and sorted.
struct Field {
  std::string_view name;
  FieldKind kind;
  Whole (*whole)(const ScanRow&);                   ///< of a count or of bytes, else null
  std::optional<double> (*number)(const ScanRow&);  ///< of a plain number, else null
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

Texts quantizations_of(const ScanRow& row) {
  return row.plan.empty() ? Texts{row.quantization} : Texts{row.quantization, row.plan};
}

// clang-format off
constexpr std::array kFields{
    Field{"params", FieldKind::Count, [](const ScanRow& r) { return Whole(r.parameters); }, nullptr, nullptr},
    Field{"active", FieldKind::Count, [](const ScanRow& r) { return Whole(r.active); }, nullptr, nullptr},
    Field{"bits", FieldKind::Plain, nullptr, [](const ScanRow& r) { return r.bits_per_weight; }, nullptr},
    Field{"size", FieldKind::Bytes, [](const ScanRow& r) { return Whole(r.file_bytes); }, nullptr, nullptr},
    Field{"experts", FieldKind::Plain, nullptr, [](const ScanRow& r) { return as_number(r.experts.value_or(0)); }, nullptr},
    Field{"files", FieldKind::Plain, nullptr, [](const ScanRow& r) { return as_number(r.files); }, nullptr},
    Field{"errors", FieldKind::Plain, nullptr, [](const ScanRow& r) { return as_number(r.errors); }, nullptr},
    Field{"warnings", FieldKind::Plain, nullptr, [](const ScanRow& r) { return as_number(r.warnings); }, nullptr},
    Field{"name", FieldKind::Text, nullptr, nullptr, [](const ScanRow& r) { return Texts{r.name}; }},
    Field{"path", FieldKind::Text, nullptr, nullptr, [](const ScanRow& r) { return Texts{r.path}; }},
    Field{"arch", FieldKind::Text, nullptr, nullptr, [](const ScanRow& r) { return Texts{r.architecture}; }},
    Field{"dtype", FieldKind::Text, nullptr, nullptr, dtypes_of},
    Field{"quant", FieldKind::Text, nullptr, nullptr, quantizations_of},
    Field{"format", FieldKind::Text, nullptr, nullptr, [](const ScanRow& r) { return Texts{r.format}; }},
    Field{"store", FieldKind::Text, nullptr, nullptr, [](const ScanRow& r) { return Texts{r.store}; }},
    Field{"verdict", FieldKind::Text, nullptr, nullptr, verdicts_of},
};
// clang-format on

std::size_t field_by_name(std::string_view flag, std::string_view name) {
  const auto field = std::ranges::find(kFields, lower(name), &Field::name);
  if (field == kFields.end()) {
    throw UsageError(fmt::format("{}: no field '{}'; there are {}", flag, name, fields_listed()));
  }
  return static_cast<std::size_t>(field - kFields.begin());
}

// Whether the first comes before the second, larger ones first unless `ascending`, unknown ones last; nothing when
// they are equal.
template <typename Number>
std::optional<bool> compare(const std::optional<Number>& one, const std::optional<Number>& other, bool ascending) {
  if (one.has_value() != other.has_value()) return one.has_value();
  if (!one || *one == *other) return std::nullopt;
  return (*one < *other) == ascending;
}

// "30 B" as "30B": a filter takes a space before the unit.
std::string without_gap(std::string_view text) {
  const std::size_t gap = std::min(text.find(' '), text.size());
  const std::size_t unit = std::min(text.find_first_not_of(' ', gap), text.size());
  return std::string(text.substr(0, gap)) + std::string(text.substr(unit));
}

std::optional<double> parse_plain(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_number = error == std::errc() && end == text.data() + text.size();
  return is_number && value >= 0 && value < 1e30 ? std::optional(value) : std::nullopt;
}

}  // namespace

std::string fields_listed() {
  std::string text;
  for (const Field& field : kFields) text += fmt::format("{}{}", text.empty() ? "" : ", ", field.name);
  return text;
}

std::uint64_t parse_bytes(std::string_view flag, const std::string& text) {
  const auto bytes = parse_size(text);
  if (!bytes) throw UsageError(fmt::format("{} {}: not a size; write 500MB, 8GiB or 1024", flag, text));
  return *bytes;
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
  bool is_number = false;
  if (field.kind == FieldKind::Plain) {
    const auto number = parse_plain(value);
    is_number = number.has_value();
    number_ = number.value_or(0);
  } else {
    const auto whole = field.kind == FieldKind::Bytes ? parse_size(value) : parse_count(without_gap(value));
    is_number = whole.has_value();
    whole_ = whole.value_or(0);
  }
  if (operator_ == Operator::Contains || !is_number) {
    throw UsageError(fmt::format("--filter {}: {} is compared with a number", text, field.name));
  }
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
  return field.whole != nullptr ? meets(field.whole(row), whole_) : meets(field.number(row), number_);
}

template <typename Number>
bool Filter::meets(const std::optional<Number>& value, Number wanted) const {
  if (!value) return false;  // what is not known meets no condition
  switch (operator_) {
    case Operator::Less: return *value < wanted;
    case Operator::LessOrEqual: return *value <= wanted;
    case Operator::Greater: return *value > wanted;
    case Operator::GreaterOrEqual: return *value >= wanted;
    case Operator::NotEqual: return *value != wanted;
    default: return *value == wanted;
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
    const auto order = field.whole != nullptr ? compare(field.whole(a), field.whole(b), ascending_)
                                              : compare(field.number(a), field.number(b), ascending_);
    if (order) return *order;
  }
  return a.path < b.path;
}

}  // namespace weigh::core
