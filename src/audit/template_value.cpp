#include "src/audit/template_value.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace weigh::core {

namespace {

using Kind = TemplateValue::Kind;
constexpr std::size_t kMostText = 512;
constexpr std::size_t kMostWeight = 1024;
constexpr std::size_t kWeightOfItem = 16;

bool looks_dangerous(const TemplateValue& value) {
  return value.is_text() && value.text.find('_') != std::string::npos;
}

// A text of which nothing but a part is known.
TemplateValue marked(TemplateValue value, bool mixed) {
  value.mixed = value.mixed || mixed;
  value.built = value.built || (mixed && value.kind == Kind::Text);
  return value;
}

bool is_textual(const TemplateValue& value) { return value.kind == Kind::Text || value.built; }

TemplateValue joined(const TemplateValue& list, std::string_view separator) {
  if (!list.is_list() && list.kind != Kind::Dict) {
    return list.is_text() && separator.empty() ? list : built_value();
  }
  std::string text;
  bool mixed = list.mixed;
  const std::size_t count = list.is_list() ? list.items->size() : list.keys->size();
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) text += separator;
    if (list.is_list()) {
      const auto part = (*list.items)[i].as_text();
      if (!part) return built_value();
      text += *part;
      mixed = mixed || (*list.items)[i].mixed;
    } else {
      text += (*list.keys)[i];
    }
    if (text.size() > kMostText) return built_value();
  }
  return marked(text_value(std::move(text)), mixed);
}

TemplateValue replaced(const TemplateValue& value, const TemplateArguments& arguments) {
  const TemplateValue* from = arguments.at(0);
  const TemplateValue* to = arguments.at(1);
  if (!value.is_text() || from == nullptr || to == nullptr || !from->is_text() || !to->is_text()) return built_value();
  const bool mixed = value.mixed || from->mixed || to->mixed;
  if (from->text.empty()) return built_value();
  std::string text;
  std::size_t at = 0;
  for (std::size_t hit = value.text.find(from->text); hit != std::string::npos; hit = value.text.find(from->text, at)) {
    text.append(value.text, at, hit - at).append(to->text);
    at = hit + from->text.size();
    if (text.size() > kMostText) return built_value();
  }
  return marked(text_value(text.append(value.text, at)), mixed);
}

TemplateValue recased(TemplateValue value, std::string_view name) {
  const auto lower = [](unsigned char c) { return static_cast<char>(std::tolower(c)); };
  const auto upper = [](unsigned char c) { return static_cast<char>(std::toupper(c)); };
  const auto swap = [&](unsigned char c) { return std::islower(c) != 0 ? upper(c) : lower(c); };
  if (name == "lower" || name == "casefold") std::ranges::transform(value.text, value.text.begin(), lower);
  if (name == "upper") std::ranges::transform(value.text, value.text.begin(), upper);
  if (name == "swapcase") std::ranges::transform(value.text, value.text.begin(), swap);
  if (name == "capitalize") {
    std::ranges::transform(value.text, value.text.begin(), lower);
    if (!value.text.empty()) value.text[0] = upper(static_cast<unsigned char>(value.text[0]));
  }
  return value;
}

TemplateValue stripped(TemplateValue value, std::string_view name, const TemplateArguments& arguments) {
  std::string blanks = " \t\n\r\v\f";
  if (const TemplateValue* own = arguments.at(0)) {
    if (!own->is_text()) return built_value();
    blanks = own->text;
    value.mixed = value.mixed || own->mixed;
  }
  std::string& text = value.text;
  if (name != "lstrip") text.erase(text.find_last_not_of(blanks) + 1);
  if (name != "rstrip") text.erase(0, std::min(text.find_first_not_of(blanks), text.size()));
  return value;
}

// One argument as a conversion writes it.
std::optional<std::string> converted(const TemplateValue& value, char conversion) {
  if (conversion == 's' || conversion == 'd' || conversion == 'i') return value.as_text();
  if (conversion != 'c') return std::nullopt;
  if (value.is_text()) return value.text;
  if (value.kind != Kind::Number || !value.known || value.number < 1 || value.number > 126) return std::nullopt;
  return std::string(1, static_cast<char>(value.number));
}

// "%s" % values.
TemplateValue formatted_by_percent(const TemplateValue& format, const std::vector<TemplateValue>& values,
                                   const TemplateValue* names) {
  if (!format.is_text()) return built_value();
  std::string out;
  std::size_t used = 0;
  bool mixed = format.mixed;
  for (std::size_t at = 0; at < format.text.size() && out.size() <= kMostText; ++at) {
    if (format.text[at] != '%') {
      out += format.text[at];
      continue;
    }
    if (++at == format.text.size()) return built_value();
    const TemplateValue* value = nullptr;
    if (format.text[at] == '%') {
      out += '%';
      continue;
    }
    if (format.text[at] == '(') {
      const auto end = format.text.find(')', at);
      if (end == std::string::npos || end + 1 == format.text.size() || names == nullptr) return built_value();
      value = names->find(std::string_view(format.text).substr(at + 1, end - at - 1));
      at = end + 1;
    } else if (used < values.size()) {
      value = &values[used++];
    }
    const auto part = value == nullptr ? std::nullopt : converted(*value, format.text[at]);
    if (!part) return built_value();
    out += *part;
    mixed = mixed || value->mixed;
  }
  return out.size() > kMostText ? built_value() : marked(text_value(std::move(out)), mixed);
}

// "{}".format(values).
TemplateValue formatted_by_braces(const TemplateValue& format, const TemplateArguments& arguments) {
  if (!format.is_text()) return built_value();
  const std::string& text = format.text;
  std::string out;
  std::size_t used = 0;
  bool mixed = format.mixed;
  for (std::size_t at = 0; at < text.size() && out.size() <= kMostText; ++at) {
    if ((text[at] == '{' || text[at] == '}') && at + 1 < text.size() && text[at + 1] == text[at]) {
      out += text[at++];
      continue;
    }
    if (text[at] != '{') {
      out += text[at];
      continue;
    }
    const auto end = text.find('}', at);
    if (end == std::string::npos) return built_value();
    std::string field = text.substr(at + 1, end - at - 1);
    at = end;
    char conversion = 's';
    for (const std::string_view suffix : {":c", ":s", "!s", ":d"}) {
      if (!field.ends_with(suffix)) continue;
      conversion = suffix[1];
      field.resize(field.size() - 2);
    }
    const bool is_index = !field.empty() && field.size() < 3 &&
                          std::ranges::all_of(field, [](unsigned char c) { return std::isdigit(c) != 0; });
    const TemplateValue* value = field.empty() ? arguments.at(used++)
                                 : is_index    ? arguments.at(static_cast<std::size_t>(std::stoi(field)))
                                               : arguments.named_as(field);
    const auto part = value == nullptr ? std::nullopt : converted(*value, conversion);
    if (!part) return built_value();
    out += *part;
    mixed = mixed || value->mixed;
  }
  return out.size() > kMostText ? built_value() : marked(text_value(std::move(out)), mixed);
}

TemplateValue split(const TemplateValue& value, const TemplateArguments& arguments) {
  const TemplateValue* by = arguments.at(0);
  if (!value.is_text() || by == nullptr || !by->is_text() || by->text.empty() || value.mixed) return {};
  std::vector<TemplateValue> parts;
  std::size_t at = 0;
  for (std::size_t hit = value.text.find(by->text);
       hit != std::string::npos && parts.size() < kMostWeight / kWeightOfItem; hit = value.text.find(by->text, at)) {
    parts.push_back(text_value(value.text.substr(at, hit - at)));
    at = hit + by->text.size();
  }
  parts.push_back(text_value(value.text.substr(at)));
  return list_value(std::move(parts));
}

TemplateValue characters(const TemplateValue& value) {
  if (value.is_list()) return value;
  if (value.kind == Kind::Dict) {
    std::vector<TemplateValue> keys;
    for (const std::string& key : *value.keys) keys.push_back(text_value(key));
    return list_value(std::move(keys));
  }
  if (!value.is_text() || value.text.size() > kMostWeight / kWeightOfItem) return {};
  std::vector<TemplateValue> parts;
  for (const char c : value.text) parts.push_back(marked(text_value(std::string(1, c)), value.mixed));
  return list_value(std::move(parts));
}

// Whether it changes a text and nothing else, or only turns something into text.
TemplateValue changed_text(const TemplateValue& value, std::string_view name, const TemplateArguments& arguments) {
  constexpr auto kStrips = std::to_array<std::string_view>({"strip", "lstrip", "rstrip", "trim"});
  constexpr auto kSame =
      std::to_array<std::string_view>({"string", "safe", "e", "escape", "forceescape", "encode", "decode"});
  constexpr auto kCases = std::to_array<std::string_view>({"lower", "upper", "casefold", "swapcase", "capitalize"});
  TemplateValue same = value;
  if (!value.is_text()) {
    same.items = {};
    same.keys = {};
    same.kind = value.kind == Kind::Text ? Kind::Text : Kind::Unknown;
    same.known = false;
    return same;
  }
  if (std::ranges::find(kStrips, name) != kStrips.end()) return stripped(value, name, arguments);
  if (std::ranges::find(kCases, name) != kCases.end()) return recased(value, name);
  if (std::ranges::find(kSame, name) != kSame.end()) return value;
  return built_value();
}

}  // namespace

std::optional<std::string> TemplateValue::as_text() const {
  if (is_text()) return text;
  if (kind == Kind::Number && known) return std::to_string(number);
  return std::nullopt;
}

const TemplateValue* TemplateValue::find(std::string_view key) const {
  if (kind != Kind::Dict) return nullptr;
  const auto found = std::ranges::find(*keys, key);
  return found == keys->end() ? nullptr : &(*items)[static_cast<std::size_t>(found - keys->begin())];
}

TemplateValue text_value(std::string text) {
  if (text.size() > kMostText) return built_value();
  TemplateValue value;
  value.kind = Kind::Text;
  value.known = true;
  value.weight = text.size();
  value.text = std::move(text);
  return value;
}

TemplateValue number_value(std::optional<std::int64_t> number) {
  TemplateValue value;
  value.kind = Kind::Number;
  value.known = number.has_value();
  value.number = number.value_or(0);
  return value;
}

TemplateValue list_value(std::vector<TemplateValue> items) {
  std::size_t weight = 0;
  for (const TemplateValue& item : items) weight += item.weight + kWeightOfItem;
  TemplateValue value;
  if (weight > kMostWeight) return value;
  value.kind = Kind::List;
  value.weight = weight;
  value.items = std::make_shared<const std::vector<TemplateValue>>(std::move(items));
  return value;
}

TemplateValue dict_value(std::vector<std::string> keys, std::vector<TemplateValue> items) {
  TemplateValue value = list_value(std::move(items));
  for (const std::string& key : keys) value.weight += key.size();
  if (value.kind != Kind::List || value.weight > kMostWeight) return {};
  value.kind = Kind::Dict;
  value.keys = std::make_shared<const std::vector<std::string>>(std::move(keys));
  return value;
}

TemplateValue built_value() {
  TemplateValue value;
  value.kind = Kind::Text;
  value.built = true;
  return value;
}

TemplateValue merged(const TemplateValue& left, const TemplateValue& right) {
  if (left.kind == right.kind && left.known == right.known && left.text == right.text && left.number == right.number &&
      left.items == right.items) {
    return left.mixed || left.built ? left : right;
  }
  if (left.kind == Kind::Number && right.kind == Kind::Number) return number_value(std::nullopt);
  const bool keep_left = left.is_text() && (looks_dangerous(left) || !right.is_text());
  const bool structure = left.items != nullptr && !right.is_text();
  TemplateValue value = keep_left || structure ? left : right;
  value.mixed = true;
  value.built = left.built || right.built;
  return value;
}

TemplateValue combined(std::string_view op, const TemplateValue& left, const TemplateValue& right) {
  const bool mixed = left.mixed || right.mixed;
  if (op == "~" || (op == "+" && left.is_text() && right.is_text())) {
    const auto a = left.as_text();
    const auto b = right.as_text();
    if (!a || !b || a->size() + b->size() > kMostText) return built_value();
    return marked(text_value(*a + *b), mixed);
  }
  if (op == "+" && left.is_list() && right.is_list()) {
    std::vector<TemplateValue> items = *left.items;
    items.insert(items.end(), right.items->begin(), right.items->end());
    return list_value(std::move(items));
  }
  if (op == "+") return is_textual(left) || is_textual(right) ? built_value() : TemplateValue();
  if (op == "%") {
    if (!is_textual(left)) return {};
    const bool many = right.is_list();
    return formatted_by_percent(left, many ? *right.items : std::vector<TemplateValue>{right}, &right);
  }
  if (op == "*") {
    const bool text_first = is_textual(left);
    if (!text_first && !is_textual(right)) return {};
    const TemplateValue& text = text_first ? left : right;
    const TemplateValue& count = text_first ? right : left;
    if (!text.is_text() || count.kind != Kind::Number || !count.known) return built_value();
    const auto times = static_cast<std::uint64_t>(std::max<std::int64_t>(count.number, 0));
    if (text.text.empty() || times > kMostText / text.text.size()) return built_value();
    std::string out;
    for (std::uint64_t i = 0; i < times; ++i) out += text.text;
    return marked(text_value(std::move(out)), mixed);
  }
  return {};
}

TemplateValue sliced(const TemplateValue& value, const TemplateSlice& slice) {
  const bool text = value.is_text();
  const std::int64_t step = slice.step.value_or(1);
  TemplateValue unknown;
  // Backwards, a name may be read that is nowhere spelled.
  unknown.built = value.built || is_textual(value) || step < 0;
  if ((!text && !value.is_list()) || !slice.known || step == 0) return unknown;
  const auto size = static_cast<std::int64_t>(text ? value.text.size() : value.items->size());
  const auto place = [&](std::optional<std::int64_t> at, std::int64_t without) {
    if (!at) return without;
    return std::clamp(*at < 0 ? *at + size : *at, step < 0 ? std::int64_t{-1} : 0, step < 0 ? size - 1 : size);
  };
  const std::int64_t end = place(slice.end, step < 0 ? -1 : size);
  std::string out;
  std::vector<TemplateValue> items;
  for (std::int64_t at = place(slice.begin, step < 0 ? size - 1 : 0); step < 0 ? at > end : at < end; at += step) {
    const auto index = static_cast<std::size_t>(at);
    if (text) out += value.text[index];
    if (!text) items.push_back((*value.items)[index]);
    if (std::abs(step) > size) break;
  }
  return text ? marked(text_value(std::move(out)), value.mixed) : list_value(std::move(items));
}

const TemplateValue* TemplateArguments::at(std::size_t index) const {
  return index < positional.size() ? &positional[index] : nullptr;
}

const TemplateValue* TemplateArguments::named_as(std::string_view name) const {
  for (const auto& [own, value] : named) {
    if (own == name) return &value;
  }
  return nullptr;
}

TemplateValue called_method(const TemplateValue& value, std::string_view name, const TemplateArguments& arguments) {
  const TemplateValue* first = arguments.at(0);
  if (name == "join") {
    if (first == nullptr) return built_value();
    return value.is_text() ? marked(joined(*first, value.text), value.mixed) : built_value();
  }
  if (name == "replace") return replaced(value, arguments);
  if (name == "format" || name == "format_map") return formatted_by_braces(value, arguments);
  if (name == "split" || name == "rsplit") return split(value, arguments);
  if (name == "get" && first != nullptr && first->is_text()) {
    const TemplateValue* found = value.find(first->text);
    return found == nullptr ? TemplateValue() : *found;
  }
  if (is_textual(value)) return changed_text(value, name, arguments);
  return {};
}

TemplateValue filtered(const TemplateValue& value, std::string_view name, const TemplateArguments& arguments) {
  constexpr auto kNumbers = std::to_array<std::string_view>({"int", "float", "length", "count", "abs", "round"});
  if (std::ranges::find(kNumbers, name) != kNumbers.end()) return number_value(std::nullopt);
  const TemplateValue* first = arguments.at(0);
  if (name == "join") {
    const TemplateValue* by = first == nullptr ? arguments.named_as("d") : first;
    if (arguments.named_as("attribute") != nullptr || arguments.positional.size() > 1) return built_value();
    if (by == nullptr) return joined(value, "");
    return by->is_text() ? joined(value, by->text) : built_value();
  }
  if (name == "replace") return replaced(value, arguments);
  if (name == "reverse") {
    TemplateSlice backwards;
    backwards.step = -1;
    return sliced(value.kind == Kind::Dict ? characters(value) : value, backwards);
  }
  if (name == "format") {
    TemplateValue names;
    std::vector<std::string> keys;
    std::vector<TemplateValue> items;
    for (const auto& [key, item] : arguments.named) {
      keys.push_back(key);
      items.push_back(item);
    }
    names = dict_value(std::move(keys), std::move(items));
    return formatted_by_percent(value, arguments.positional, &names);
  }
  if (name == "list") return characters(value);
  if (name == "first" || name == "last") {
    const TemplateValue list = characters(value);
    if (!list.is_list() || list.items->empty()) return {};
    return name == "first" ? list.items->front() : list.items->back();
  }
  if ((name == "default" || name == "d") && first != nullptr) return merged(value, *first);
  if (name == "tojson" || name == "map" || name == "select" || name == "reject" || name == "items") return {};
  return changed_text(value, name, arguments);
}

std::vector<std::string> format_fields(std::string_view format) {
  std::vector<std::string> fields;
  for (std::size_t at = 0; (at = format.find('{', at)) != std::string_view::npos;) {
    const std::size_t end = std::min(format.find_first_of("{}", at + 1), format.size());
    std::string_view field = format.substr(at + 1, end - at - 1);
    while (!field.empty()) {
      const std::size_t mark = field.find_first_of(".[");
      if (mark == std::string_view::npos) break;
      field = field.substr(mark + 1);
      fields.emplace_back(field.substr(0, field.find_first_of(".[]!:")));
    }
    at = std::max(end, at + 1);
  }
  return fields;
}

}  // namespace weigh::core
