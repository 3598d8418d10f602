#include "src/scan/query.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <utility>

#include "formats/checked.h"
#include "formats/error.h"
#include "formats/text.h"

namespace weigh::core {

namespace {

enum class FieldKind : std::uint8_t { Text, Count, Bytes, Plain, Age, Verdict };

using Whole = std::optional<std::uint64_t>;

using Texts = std::vector<std::string>;

/// A row of the table of fields: by what a list is filtered and sorted.
struct Field {
  std::string_view name;    ///< the column's, as a list for people has it
  std::string_view others;  ///< further names, "|" around each: those of machine formats
  FieldKind kind;
  Whole (*whole)(const ScanRow&);                   ///< of a count, of bytes, of a time, else null
  std::optional<double> (*number)(const ScanRow&);  ///< of a plain number, else null
  Texts (*texts)(const ScanRow&);                   ///< any of them may meet the condition; the first one sorts
  std::span<const std::string_view> values = {};    ///< all that there are; empty for any
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

// Best first.
constexpr std::array<std::string_view, 5> kVerdicts{"fits", "tight", "offload", "no", "broken"};
constexpr std::array<std::string_view, 2> kFormats{"gguf", "safetensors"};
constexpr std::array<std::string_view, 4> kStores{"huggingface", "ollama", "lmstudio", ""};

// clang-format off
constexpr std::array kFields{
    Field{"parameters", "|params|", FieldKind::Count, [](const ScanRow& r) { return Whole(r.parameters); }, nullptr, nullptr},
    Field{"active", "|active_parameters|", FieldKind::Count, [](const ScanRow& r) { return Whole(r.active); }, nullptr, nullptr},
    Field{"bits", "|bits_per_weight|", FieldKind::Plain, nullptr, [](const ScanRow& r) { return r.bits_per_weight; }, nullptr},
    Field{"size", "|file_bytes|", FieldKind::Bytes, [](const ScanRow& r) { return Whole(r.file_bytes); }, nullptr, nullptr},
    Field{"weight_bytes", "", FieldKind::Bytes, [](const ScanRow& r) { return Whole(r.weight_bytes); }, nullptr, nullptr},
    Field{"age", "|modified|", FieldKind::Age, [](const ScanRow& r) { return Whole(r.modified); }, nullptr, nullptr},
    Field{"used", "|unused|", FieldKind::Age, [](const ScanRow& r) { return Whole(r.used); }, nullptr, nullptr},
    Field{"experts", "", FieldKind::Plain, nullptr, [](const ScanRow& r) { return as_number(r.experts.value_or(0)); }, nullptr},
    Field{"files", "", FieldKind::Plain, nullptr, [](const ScanRow& r) { return as_number(r.files); }, nullptr},
    Field{"errors", "", FieldKind::Plain, nullptr, [](const ScanRow& r) { return as_number(r.errors); }, nullptr},
    Field{"warnings", "", FieldKind::Plain, nullptr, [](const ScanRow& r) { return as_number(r.warnings); }, nullptr},
    Field{"name", "", FieldKind::Text, nullptr, nullptr, [](const ScanRow& r) { return Texts{r.name}; }},
    Field{"path", "", FieldKind::Text, nullptr, nullptr, [](const ScanRow& r) { return Texts{r.path}; }},
    Field{"architecture", "|arch|", FieldKind::Text, nullptr, nullptr, [](const ScanRow& r) { return Texts{r.architecture}; }},
    Field{"kind", "", FieldKind::Text, nullptr, nullptr, [](const ScanRow& r) { return Texts{r.kind}; }},
    Field{"dtype", "", FieldKind::Text, nullptr, nullptr, dtypes_of},
    Field{"quant", "|quantization_name|", FieldKind::Text, nullptr, nullptr, quantizations_of},
    Field{"format", "", FieldKind::Text, nullptr, nullptr, [](const ScanRow& r) { return Texts{r.format}; }, kFormats},
    Field{"store", "", FieldKind::Text, nullptr, nullptr, [](const ScanRow& r) { return Texts{r.store}; }, kStores},
    Field{"findings", "|reason|", FieldKind::Text, nullptr, nullptr, [](const ScanRow& r) { return Texts{r.first_error}; }},
    Field{"verdict", "", FieldKind::Verdict, nullptr, nullptr, verdicts_of, kVerdicts},
};
// clang-format on

constexpr bool is_text(FieldKind kind) { return kind == FieldKind::Text || kind == FieldKind::Verdict; }

bool is_called(const Field& field, const std::string& name) {
  return field.name == name || (!name.empty() && field.others.find("|" + name + "|") != std::string_view::npos);
}

struct NamedField {
  std::size_t index;
  std::string device;  // of the verdict on one device, else empty
};

// By the name of a column, a device's included.
NamedField field_by_name(std::string_view flag, std::string_view name, const std::vector<std::string>& devices) {
  const std::string wanted = lower(name);
  const auto field = std::ranges::find_if(kFields, [&](const Field& f) { return is_called(f, wanted); });
  if (field != kFields.end()) return {static_cast<std::size_t>(field - kFields.begin()), {}};
  const auto device = std::ranges::find_if(devices, [&](const std::string& id) { return lower(id) == wanted; });
  if (device != devices.end()) {
    const auto verdict = std::ranges::find(kFields, FieldKind::Verdict, &Field::kind);
    return {static_cast<std::size_t>(verdict - kFields.begin()), *device};
  }
  std::string there = fields_listed();
  for (const std::string& id : devices) there += ", " + id;
  throw UsageError(fmt::format("{}: no field '{}'; there are {}", flag, name, there));
}

// The verdict on one device, or on all.
Texts verdicts_on(const ScanRow& row, const std::string& device) {
  if (device.empty()) return verdicts_of(row);
  const auto found = std::ranges::find(row.verdicts, device, &std::pair<std::string, std::string>::first);
  return found == row.verdicts.end() ? Texts() : Texts{found->second};
}

// 0 for the best of them; as many as there are verdicts for none.
std::size_t best_rank(const Texts& verdicts) {
  std::size_t best = kVerdicts.size();
  for (const std::string& verdict : verdicts) {
    best = std::min(best, static_cast<std::size_t>(std::ranges::find(kVerdicts, verdict) - kVerdicts.begin()));
  }
  return best;
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

// "90d", "12 h", "2 weeks" in seconds; nothing for anything else.
Whole parse_age(std::string_view text) {
  constexpr std::uint64_t kHour = 3600;
  constexpr std::uint64_t kDay = 24 * kHour;
  struct AgeUnit {
    std::string_view names;
    std::uint64_t seconds;
  };
  static constexpr std::array kUnits{AgeUnit{"|h|hour|hours|", kHour}, AgeUnit{"|d|day|days|", kDay},
                                     AgeUnit{"|w|week|weeks|", 7 * kDay}, AgeUnit{"|mo|month|months|", 30 * kDay},
                                     AgeUnit{"|y|year|years|", 365 * kDay}};
  const std::size_t end = std::min(text.find_first_not_of("0123456789."), text.size());
  const std::string unit = lower(trimmed(text.substr(end)));
  const auto found = std::ranges::find_if(kUnits, [&](const AgeUnit& u) {
    return !unit.empty() && u.names.find("|" + unit + "|") != std::string_view::npos;
  });
  return found == kUnits.end() ? std::nullopt : parse_scaled(text.substr(0, end), found->seconds);
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

Filter::Filter(std::string_view text, const std::vector<std::string>& devices, std::uint64_t now) {
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
  NamedField named = field_by_name(fmt::format("--filter {}", text), trimmed(text.substr(0, at)), devices);
  field_ = named.index;
  device_ = std::move(named.device);
  operator_ = sign->meaning;
  read_value(trimmed(text.substr(at + sign->text.size())), text, now);
}

// `text`: the whole condition, for errors.
void Filter::read_value(std::string_view value, std::string_view text, std::uint64_t now) {
  text_ = lower(value);
  const Field& field = kFields[field_];
  const bool ordered =
      operator_ != Operator::Equal && operator_ != Operator::NotEqual && operator_ != Operator::Contains;
  if (is_text(field.kind)) {
    if (ordered) throw UsageError(fmt::format("--filter {}: {} is text; there are = != and ~", text, field.name));
    const auto may_be = [&](std::string_view known) {
      return operator_ == Operator::Contains ? known.find(text_) != std::string_view::npos : known == text_;
    };
    if (!field.values.empty() && std::ranges::none_of(field.values, may_be)) {
      Texts known;
      for (const std::string_view one : field.values) known.push_back(one.empty() ? "nothing" : std::string(one));
      throw UsageError(
          fmt::format("--filter {}: no {} '{}'; there are {}", text, field.name, value, fmt::join(known, ", ")));
    }
    return;
  }
  if (field.kind == FieldKind::Age) {
    const auto age = parse_age(value);
    if (!age || !ordered) {
      throw UsageError(
          fmt::format("--filter {}: {} is compared by < <= > >= with 12h, 90d, 3w, 6mo or 2y", text, field.name));
    }
    whole_ = minus(now, *age);
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
  if (is_text(field.kind)) {
    const Texts texts = field.kind == FieldKind::Verdict ? verdicts_on(row, device_) : field.texts(row);
    const auto equal = [&](const std::string& text) { return lower(text) == text_; };
    const auto contains = [&](const std::string& text) { return lower(text).find(text_) != std::string::npos; };
    if (operator_ == Operator::Contains) return std::ranges::any_of(texts, contains);
    return (operator_ == Operator::Equal) == std::ranges::any_of(texts, equal);
  }
  if (field.kind == FieldKind::Age) {
    // Older is earlier: the time of an age is compared the other way round.
    const auto time = field.whole(row);
    return time && meets(std::optional(whole_), *time);
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

Order::Order(std::string_view text, const std::vector<std::string>& devices) {
  text = trimmed(text);
  const bool reversed = text.starts_with('-');
  NamedField named = field_by_name(fmt::format("--sort {}", text), trimmed(reversed ? text.substr(1) : text), devices);
  field_ = named.index;
  device_ = std::move(named.device);
  const FieldKind kind = kFields[field_].kind;
  // The oldest first: the earliest time.
  ascending_ = (is_text(kind) || kind == FieldKind::Age) != reversed;
}

bool Order::operator()(const ScanRow& a, const ScanRow& b) const {
  const Field& field = kFields[field_];
  if (field.kind == FieldKind::Verdict) {
    const std::size_t one = best_rank(verdicts_on(a, device_));
    const std::size_t other = best_rank(verdicts_on(b, device_));
    const bool unknown = one == kVerdicts.size() || other == kVerdicts.size();
    if (one != other) return ascending_ || unknown ? one < other : other < one;
  } else if (field.kind == FieldKind::Text) {
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

std::string_view Order::field() const { return kFields[field_].name; }

std::string_view Filter::field() const { return kFields[field_].name; }

}  // namespace weigh::core
