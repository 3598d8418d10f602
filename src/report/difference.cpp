#include "src/report/difference.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "src/model/naming/roles.h"
#include "src/quantize/quantization_name.h"
#include "src/report/json.h"
#include "src/report/json_value.h"
#include "src/report/listings.h"
#include "src/report/table.h"
#include "src/report/text_format.h"

namespace weigh::core {

namespace {

constexpr std::size_t kShown = 20;       // of each list, for people; --verbose and machine formats have all
constexpr std::size_t kShortValue = 60;  // bytes of a metadata value, for people

using Sides = std::map<std::string, SideBySide>;

void add(Sides& sides, const std::string& name, const TensorFacts& facts, bool second) {
  SideBySide& side = sides[name];
  side.name = name;
  auto& parameters = second ? side.b_parameters : side.a_parameters;
  parameters = parameters && facts.parameters_known ? std::optional(*parameters + facts.parameters) : std::nullopt;
  (second ? side.b_bytes : side.a_bytes) += facts.tensor->bytes;
}

std::vector<SideBySide> largest_first(const Sides& sides) {
  std::vector<SideBySide> rows;
  for (const auto& [name, side] : sides) rows.push_back(side);
  std::ranges::stable_sort(rows, std::ranges::greater{},
                           [](const SideBySide& s) { return std::max(s.a_bytes, s.b_bytes); });
  return rows;
}

struct Parts {
  Sides dtypes, roles, groups;
};

void add_parts(const Model& model, bool second, Parts& parts) {
  for (const TensorFacts& facts : model.tensors) {
    add(parts.dtypes, std::string(name(facts.tensor->dtype)), facts, second);
    add(parts.roles, std::string(role_name(facts.role)), facts, second);
    if (facts.parameters == 0) continue;
    const std::string_view group = part_name(facts.role);
    add(parts.groups, facts.layer < 0 ? std::string(group) : fmt::format("layer {:04} {}", facts.layer, group), facts,
        second);
  }
}

void compare_tensors(Difference& difference) {
  std::unordered_map<std::string_view, const Tensor*> of_a;
  for (const TensorFacts& facts : difference.a->tensors) of_a.emplace(facts.tensor->name, facts.tensor);
  for (const TensorFacts& facts : difference.b->tensors) {
    const auto known = of_a.find(facts.tensor->name);
    if (known == of_a.end()) {
      difference.added.push_back({nullptr, facts.tensor});
      continue;
    }
    const TensorDifference pair{known->second, facts.tensor};
    if (pair.reshaped() || pair.retyped()) difference.changed.push_back(pair);
    of_a.erase(known);
  }
  for (const TensorFacts& facts : difference.a->tensors) {
    const auto left = of_a.find(facts.tensor->name);
    if (left != of_a.end() && left->second == facts.tensor) difference.removed.push_back({facts.tensor, nullptr});
  }
}

// split.* says how a model is spread over files, not what it is.
std::map<std::string, std::string> metadata_of(const Checkpoint& checkpoint) {
  std::map<std::string, std::string> values;
  for (MetadataLine& line : metadata_lines(checkpoint, true)) {
    if (!line.key.starts_with("split.")) values.emplace(std::move(line.key), std::move(line.value));
  }
  return values;
}

void compare_metadata(Difference& difference) {
  const auto a = metadata_of(difference.a->checkpoint);
  const auto b = metadata_of(difference.b->checkpoint);
  for (const auto& [key, value] : a) {
    const auto other = b.find(key);
    if (other == b.end()) {
      difference.metadata.push_back({key, value, std::nullopt});
    } else if (other->second != value) {
      difference.metadata.push_back({key, value, other->second});
    }
  }
  for (const auto& [key, value] : b) {
    if (!a.contains(key)) difference.metadata.push_back({key, std::nullopt, value});
  }
}

std::string shape_text(const Tensor& tensor) {
  std::string text;
  for (const std::uint64_t dimension : tensor.shape) text += (text.empty() ? "" : "x") + std::to_string(dimension);
  return text.empty() ? "scalar" : text;
}

std::string tensor_text(const Tensor& tensor) { return fmt::format("{} {}", name(tensor.dtype), shape_text(tensor)); }

std::string change_text(const TensorDifference& pair) { return tensor_text(*pair.a) + " -> " + tensor_text(*pair.b); }

std::string shortened(const std::string& value) {
  if (value.size() <= kShortValue) return value;
  std::size_t end = kShortValue;
  while (end > 0 && (static_cast<unsigned char>(value[end]) & 0xC0U) == 0x80U) --end;
  return fmt::format("{} ... ({} bytes)", value.substr(0, end), grouped(value.size()));
}

Cell for_people(const std::optional<std::uint64_t>& parameters) {
  return parameters ? Cell(*parameters) : Cell("unknown");
}

Table sides_table(std::string_view what, const std::vector<SideBySide>& rows) {
  Table table{{{what},
               {"parameters a", Unit::Parameters},
               {"parameters b", Unit::Parameters},
               {"bytes a", Unit::Size},
               {"bytes b", Unit::Size}},
              {}};
  for (const SideBySide& row : rows) {
    table.rows.push_back(
        {row.name, for_people(row.a_parameters), for_people(row.b_parameters), row.a_bytes, row.b_bytes});
  }
  return table;
}

std::string digits(const std::optional<std::uint64_t>& number) { return number ? std::to_string(*number) : "unknown"; }

// Every difference as one row, for the tabular formats.
Table all_rows(const Difference& difference) {
  Table table{{{"what"}, {"name"}, {"a"}, {"b"}}, {}};
  const auto tensors = [&](std::string_view what, const std::vector<TensorDifference>& list) {
    for (const TensorDifference& pair : list) {
      const Tensor& one = pair.a ? *pair.a : *pair.b;
      table.rows.push_back({std::string(what), std::string(one.name), pair.a ? Cell(tensor_text(*pair.a)) : Cell(),
                            pair.b ? Cell(tensor_text(*pair.b)) : Cell()});
    }
  };
  tensors("tensor added", difference.added);
  tensors("tensor removed", difference.removed);
  tensors("tensor changed", difference.changed);
  for (const MetadataDifference& row : difference.metadata) {
    table.rows.push_back({std::string("metadata"), row.key, cell(row.a), cell(row.b)});
  }
  for (const SideBySide& row : difference.groups) {
    table.rows.push_back({std::string("parameters"), row.name, digits(row.a_parameters), digits(row.b_parameters)});
  }
  return table;
}

class TextWriter {
 public:
  TextWriter(const Difference& difference, const Style& style, std::ostream& out)
      : difference_(difference), style_(style), out_(out) {}

  void write(std::string_view a_path, std::string_view b_path) {
    out_ << (difference_.equal() ? "the same tensors, types, shapes and metadata" : headline()) << '\n';
    out_ << "  a  " << side(a_path, *difference_.a) << "\n  b  " << side(b_path, *difference_.b) << '\n';
    if (difference_.equal()) return;
    out_ << '\n';
    write_text_table(sides_table("dtype", difference_.by_dtype), style_, style_.verbose, out_);
    out_ << '\n';
    write_text_table(sides_table("role", difference_.by_role), style_, style_.verbose, out_);
    if (!difference_.comparable_names) {
      out_ << "\nThe formats name tensors and keys differently: compared by role and layer.\n";
      groups();
      return;
    }
    tensors("tensors only in b", difference_.added);
    tensors("tensors only in a", difference_.removed);
    tensors("tensors of another type or shape", difference_.changed);
    metadata();
  }

 private:
  std::string headline() const {
    std::string text;
    const auto add_count = [&](std::uint64_t count, std::string_view what) {
      if (count > 0) text += fmt::format("{}{} {}", text.empty() ? "" : ", ", grouped(count), what);
    };
    add_count(difference_.added.size(), "tensors added");
    add_count(difference_.removed.size(), "removed");
    add_count(static_cast<std::uint64_t>(std::ranges::count_if(difference_.changed, &TensorDifference::reshaped)),
              "reshaped");
    add_count(static_cast<std::uint64_t>(std::ranges::count_if(difference_.changed, &TensorDifference::retyped)),
              "retyped");
    add_count(difference_.metadata.size(), "keys differ");
    add_count(difference_.groups.size(), "parts of layers with other parameters");
    return text.empty() ? "the same parameters in every part, in other types" : text;
  }

  std::string side(std::string_view path, const Model& model) const {
    const std::string quantization = quantization_title(model);
    return fmt::format("{}: {}{}{} parameters ({}), {} ({} bytes)", escaped(path, style_.unicode), quantization,
                       quantization.empty() ? "" : ", ", human_parameters(model.known_total()),
                       grouped(model.known_total()), human_bytes(model.weight_bytes), grouped(model.weight_bytes));
  }

  template <typename Rows, typename Line>
  void list(std::string_view title, const Rows& rows, Line line) {
    if (rows.empty()) return;
    out_ << '\n' << title << ": " << grouped(rows.size()) << '\n';
    const std::size_t shown = style_.verbose ? rows.size() : std::min(rows.size(), kShown);
    for (std::size_t i = 0; i < shown; ++i) out_ << "  " << line(rows[i]) << '\n';
    if (shown < rows.size()) out_ << "  and " << grouped(rows.size() - shown) << " more (--verbose shows all)\n";
  }

  void tensors(std::string_view title, const std::vector<TensorDifference>& rows) {
    list(title, rows, [&](const TensorDifference& pair) {
      const Tensor& one = pair.a ? *pair.a : *pair.b;
      return escaped(one.name, style_.unicode) + "  " + (pair.a && pair.b ? change_text(pair) : tensor_text(one));
    });
  }

  void metadata() {
    list("metadata", difference_.metadata, [&](const MetadataDifference& row) {
      const auto text = [&](const std::optional<std::string>& value) {
        return value ? escaped(shortened(*value), style_.unicode) : std::string("absent");
      };
      return escaped(row.key, style_.unicode) + ": " + text(row.a) + " -> " + text(row.b);
    });
  }

  void groups() {
    list("parts with other parameters", difference_.groups, [&](const SideBySide& row) {
      return fmt::format("{}: {} -> {}", row.name, grouped(row.a_parameters), grouped(row.b_parameters));
    });
  }

  const Difference& difference_;
  const Style& style_;
  std::ostream& out_;
};

Json tensor_json(const Tensor& tensor, JsonText& text) {
  return {{"name", text(tensor.name)},
          {"dtype", name(tensor.dtype)},
          {"shape", std::vector(tensor.shape.begin(), tensor.shape.end())},
          {"bytes", tensor.bytes}};
}

Json sides_json(const std::vector<SideBySide>& rows, std::string_view key) {
  Json list = Json::array();
  for (const SideBySide& row : rows) {
    list.push_back({{key, row.name},
                    {"parameters", {{"a", json_or_null(row.a_parameters)}, {"b", json_or_null(row.b_parameters)}}},
                    {"bytes", {{"a", row.a_bytes}, {"b", row.b_bytes}}}});
  }
  return list;
}

Json tensors_json(const Difference& difference, JsonText& text) {
  Json added = Json::array();
  Json removed = Json::array();
  Json changed = Json::array();
  for (const TensorDifference& pair : difference.added) added.push_back(tensor_json(*pair.b, text));
  for (const TensorDifference& pair : difference.removed) removed.push_back(tensor_json(*pair.a, text));
  for (const TensorDifference& pair : difference.changed) {
    changed.push_back({{"name", text(pair.a->name)},
                       {"reshaped", pair.reshaped()},
                       {"retyped", pair.retyped()},
                       {"a", tensor_json(*pair.a, text)},
                       {"b", tensor_json(*pair.b, text)}});
  }
  return {{"added", std::move(added)}, {"removed", std::move(removed)}, {"changed", std::move(changed)}};
}

Json metadata_json(const Difference& difference, JsonText& text) {
  Json added = Json::object();
  Json removed = Json::object();
  Json changed = Json::object();
  for (const MetadataDifference& row : difference.metadata) {
    const std::string key = text(row.key).get<std::string>();
    if (!row.a) {
      added[key] = text(*row.b);
    } else if (!row.b) {
      removed[key] = text(*row.a);
    } else {
      changed[key] = {{"a", text(*row.a)}, {"b", text(*row.b)}};
    }
  }
  return {{"added", std::move(added)}, {"removed", std::move(removed)}, {"changed", std::move(changed)}};
}

Json title_json(const Model& model) {
  const std::string title = quantization_title(model);
  return title.empty() ? Json() : Json(title);
}

void write_difference_json(const Difference* difference, std::string_view a_path, std::string_view b_path,
                           const std::vector<Failure>& failures, std::ostream& out) {
  JsonText text;
  Json document{{"schema", "weigh.diff/1"}, {"a", text(a_path)}, {"b", text(b_path)}};
  if (difference) {
    const Model& a = *difference->a;
    const Model& b = *difference->b;
    document["parameters"] = {{"a", json_or_null(a.known_total())}, {"b", json_or_null(b.known_total())}};
    document["bytes"] = {{"a", a.weight_bytes}, {"b", b.weight_bytes}};
    document["quantization"] = {{"a", title_json(a)}, {"b", title_json(b)}};
    document["by_dtype"] = sides_json(difference->by_dtype, "dtype");
    document["by_role"] = sides_json(difference->by_role, "role");
    document["tensors"] = tensors_json(*difference, text);
    document["metadata"] = metadata_json(*difference, text);
    document["groups"] = sides_json(difference->groups, "group");
    document["compared_by"] = difference->comparable_names ? "name" : "role and layer";
    document["equal"] = difference->equal();
  } else {
    for (const char* key : {"parameters", "bytes", "tensors", "metadata"}) document[key] = nullptr;
    document["equal"] = false;
  }
  document["errors"] = failures_json(failures);
  write_document(document, out);
}

}  // namespace

bool TensorDifference::reshaped() const { return a && b && !std::ranges::equal(a->shape, b->shape); }
bool TensorDifference::retyped() const { return a && b && a->dtype != b->dtype; }

bool Difference::equal() const {
  const bool same_tensors = added.empty() && removed.empty() && changed.empty() && groups.empty();
  return comparable_names && same_tensors && metadata.empty();
}

Difference compare(const Model& a, const Model& b) {
  Difference difference;
  difference.a = &a;
  difference.b = &b;
  const auto format = [](const Model& model) { return model.checkpoint.files.front().format; };
  difference.comparable_names = format(a) == format(b);
  Parts parts;
  add_parts(a, false, parts);
  add_parts(b, true, parts);
  difference.by_dtype = largest_first(parts.dtypes);
  difference.by_role = largest_first(parts.roles);
  if (difference.comparable_names) {
    compare_tensors(difference);
    compare_metadata(difference);
  } else {
    for (const auto& [name, side] : parts.groups) {
      // What is unknown on a side is not known to be equal.
      if (!side.a_parameters || side.a_parameters != side.b_parameters) difference.groups.push_back(side);
    }
  }
  return difference;
}

void write_difference(const Difference* difference, std::string_view a_path, std::string_view b_path,
                      const std::vector<Failure>& failures, std::string_view format, const Style& style,
                      std::ostream& out) {
  if (format == "json") return write_difference_json(difference, a_path, b_path, failures, out);
  if (!difference) return;
  if (format == "text") return TextWriter(*difference, style, out).write(a_path, b_path);
  if (format == "csv") return write_csv_table(all_rows(*difference), out);
  write_markdown_table(sides_table("dtype", difference->by_dtype), out);
  out << '\n';
  write_markdown_table(all_rows(*difference), out);
}

}  // namespace weigh::core
