#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <nlohmann/json.hpp>

#include "src/model/naming/roles.h"
#include "src/report/json.h"
#include "src/report/json_value.h"
#include "src/report/listings.h"
#include "src/report/table.h"

namespace weigh::core {
namespace {

std::uint64_t absolute_offset(const TensorFacts& facts) { return facts.file->header_bytes + facts.tensor->offset; }

std::string shape_text(const Tensor& tensor) {
  if (tensor.shape.empty()) return "scalar";
  std::string text;
  for (const std::uint64_t dimension : tensor.shape) text += (text.empty() ? "" : "x") + std::to_string(dimension);
  return text;
}

/// What tells the files of one checkpoint apart: "00001" of model-00001-of-00019.safetensors.
std::vector<std::string> short_names(const std::vector<ModelFile>& files) {
  const std::string& first = files.front().name;
  std::size_t head = first.size();
  std::size_t tail = first.size();
  for (const ModelFile& file : files) {
    const auto differs = std::mismatch(first.begin(), first.end(), file.name.begin(), file.name.end()).first;
    const auto differs_from_end =
        std::mismatch(first.rbegin(), first.rend(), file.name.rbegin(), file.name.rend()).first;
    if (&file == &files.front()) continue;
    head = std::min(head, static_cast<std::size_t>(differs - first.begin()));
    tail = std::min(tail, static_cast<std::size_t>(differs_from_end - first.rbegin()));
  }
  const auto is_digit = [&](std::size_t i) { return std::isdigit(static_cast<unsigned char>(first[i])) != 0; };
  while (head > 0 && is_digit(head - 1)) --head;  // the whole number, with its zeros
  while (tail > 0 && is_digit(first.size() - tail)) --tail;
  std::vector<std::string> names;
  for (const ModelFile& file : files) {
    const bool overlap = head + tail >= file.name.size();
    names.push_back(overlap ? file.name : file.name.substr(head, file.name.size() - head - tail));
  }
  return names;
}

// For people an unknown count says so; for programs it is absent.
template <typename Row>
Cell shown_parameters(const Row& row, bool for_people) {
  return row.parameters_known || !for_people ? cell(known_parameters(row)) : Cell("unknown");
}

Table tensor_table(const TensorListing& listing, bool brief) {
  const bool several_files = listing.model != nullptr && listing.model->checkpoint.files.size() > 1;
  Table table{{{"name"},
               {"dtype"},
               {"shape"},
               {"parameters", Unit::Parameters},
               {"bytes", Unit::Size},
               {"offset", Unit::Count}},
              {}};
  if (several_files) table.columns.push_back({"file"});
  std::vector<std::string> files;
  if (several_files && brief) files = short_names(listing.model->checkpoint.files);
  if (several_files && !brief) {
    for (const ModelFile& file : listing.model->checkpoint.files) files.push_back(file.name);
  }
  for (const TensorFacts* facts : listing.tensors) {
    const Tensor& tensor = *facts->tensor;
    auto& row = table.rows.emplace_back(std::vector<Cell>{std::string(tensor.name), std::string(name(tensor.dtype)),
                                                          shape_text(tensor), shown_parameters(*facts, brief),
                                                          tensor.bytes, absolute_offset(*facts)});
    if (several_files) row.emplace_back(files[listing.model->file_index(*facts)]);
  }
  return table;
}

/// The name without its last part (".weight"), "*" for every part that is a number.
std::string module_of(std::string_view name) {
  const std::string_view module = name.substr(0, name.rfind('.'));
  std::string text;
  for (std::size_t begin = 0; begin <= module.size();) {
    const std::size_t end = std::min(module.find('.', begin), module.size());
    const std::string_view part = module.substr(begin, end - begin);
    const bool number =
        !part.empty() && std::all_of(part.begin(), part.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
    if (begin > 0) text += '.';
    text += number ? "*" : part;
    begin = end + 1;
  }
  return text;
}

/// The word before "layer" where a model has several series of blocks.
std::string_view stack_prefix(Stack stack) {
  switch (stack) {
    case Stack::Encoder: return "encoder ";
    case Stack::Vision: return "vision ";
    case Stack::Audio: return "audio ";
    case Stack::Prediction: return "prediction ";
    default: return "";
  }
}

// Sorts as text in the order of the layers; what is outside of all comes after them.
std::string layer_of(const TensorFacts& facts) {
  if (facts.layer < 0) return "~outside of the layers";
  return fmt::format("{}layer {:06}", stack_prefix(facts.stack), facts.layer);
}

std::string shown_layer(const std::string& key) {
  const std::size_t digits = key.find("layer ");
  if (digits == std::string::npos) return key.substr(1);
  const std::size_t first = std::min(key.find_first_not_of('0', digits + 6), key.size() - 1);
  return key.substr(0, digits + 6) + key.substr(first);
}

Table group_table(const TensorListing& listing, bool for_people) {
  Table table{{{"group"}, {"tensors", Unit::Count}, {"parameters", Unit::Parameters}, {"bytes", Unit::Size}}, {}};
  for (const TensorGroup& group : group_tensors(listing.tensors, listing.grouping)) {
    table.rows.push_back({group.name, group.tensors, shown_parameters(group, for_people), group.bytes});
  }
  return table;
}

void write_groups_json(const TensorListing& listing, std::ostream& out) {
  JsonText text;
  std::vector<Json> rows;
  for (const TensorGroup& group : group_tensors(listing.tensors, listing.grouping)) {
    rows.push_back({{"group", text(group.name)},
                    {"tensors", group.tensors},
                    {"parameters", json_or_null(known_parameters(group))},
                    {"bytes", group.bytes}});
  }
  const Json document{{"schema", "weigh.tensors/1"},
                      {"path", text(listing.path)},
                      {"groups", nullptr},
                      {"errors", failures_json(listing.errors)}};
  write_document_with_rows(document, "groups", rows, out);
}

void write_tensors_json(const TensorListing& listing, std::ostream& out) {
  JsonText text;
  std::vector<Json> rows;
  rows.reserve(listing.tensors.size());
  for (const TensorFacts* facts : listing.tensors) {
    const Tensor& tensor = *facts->tensor;
    rows.push_back({{"name", text(tensor.name)},
                    {"dtype", name(tensor.dtype)},
                    {"shape", std::vector<std::uint64_t>(tensor.shape.begin(), tensor.shape.end())},
                    {"parameters", json_or_null(known_parameters(*facts))},
                    {"bytes", tensor.bytes},
                    {"offset", absolute_offset(*facts)},
                    {"file", listing.model->file_index(*facts)},
                    {"role", role_name(facts->role)},
                    {"layer", facts->layer < 0 ? Json() : Json(facts->layer)}});
  }
  Json document{{"schema", "weigh.tensors/1"}, {"path", text(listing.path)}, {"tensors", nullptr}};
  if (Json finding = text.finding(); !finding.is_null()) document["findings"] = Json::array({std::move(finding)});
  document["errors"] = failures_json(listing.errors);
  write_document_with_rows(document, "tensors", rows, out);
}

}  // namespace

std::optional<Grouping> grouping_by_name(std::string_view name) {
  if (name == "layer") return Grouping::Layer;
  if (name == "module") return Grouping::Module;
  if (name == "role") return Grouping::Role;
  return std::nullopt;
}

std::vector<TensorGroup> group_tensors(const std::vector<const TensorFacts*>& tensors, Grouping grouping) {
  std::map<std::string, TensorGroup> groups;
  for (const TensorFacts* facts : tensors) {
    TensorGroup& group = groups[grouping == Grouping::Layer    ? layer_of(*facts)
                                : grouping == Grouping::Module ? module_of(facts->tensor->name)
                                                               : std::string(role_name(facts->role))];
    ++group.tensors;
    group.parameters += facts->parameters;
    group.parameters_known = group.parameters_known && facts->parameters_known;
    group.bytes += facts->tensor->bytes;
  }
  std::vector<TensorGroup> rows;
  for (auto& [key, group] : groups) {
    group.name = grouping == Grouping::Layer ? shown_layer(key) : key;
    rows.push_back(std::move(group));
  }
  const auto larger = [](const TensorGroup& a, const TensorGroup& b) { return a.bytes > b.bytes; };
  if (grouping != Grouping::Layer) std::stable_sort(rows.begin(), rows.end(), larger);
  return rows;
}

void write_tensors(const TensorListing& listing, std::string_view format, const Style& style, std::ostream& out) {
  const bool grouped_rows = listing.grouping != Grouping::None;
  if (format == "json") return grouped_rows ? write_groups_json(listing, out) : write_tensors_json(listing, out);
  const Table table = grouped_rows ? group_table(listing, format == "text") : tensor_table(listing, format == "text");
  if (format == "csv") return write_csv_table(table, out);
  if (format == "markdown") return write_markdown_table(table, out);
  if (listing.model != nullptr) write_text_table(table, style, style.verbose, out);
}

}  // namespace weigh::core
