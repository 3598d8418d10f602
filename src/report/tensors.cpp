#include <algorithm>
#include <cctype>

#include "src/report/json.h"
#include "src/report/listings.h"
#include "src/report/table.h"

namespace weigh {
namespace {

std::uint64_t absolute_offset(const TensorListing& listing, const ListedTensor& listed) {
  return listing.model->checkpoint.files[listed.file].header_bytes + listed.tensor->offset;
}

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
    const auto differs_behind = std::mismatch(first.rbegin(), first.rend(), file.name.rbegin(), file.name.rend()).first;
    if (&file == &files.front()) continue;
    head = std::min(head, static_cast<std::size_t>(differs - first.begin()));
    tail = std::min(tail, static_cast<std::size_t>(differs_behind - first.rbegin()));
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

Table tensor_table(const TensorListing& listing, bool brief) {
  const bool several_files = listing.model != nullptr && listing.model->checkpoint.files.size() > 1;
  Table table{{{"name"},
               {"dtype"},
               {"shape"},
               {"parameters", Unit::Parameters},
               {"bytes", Unit::Bytes},
               {"offset", Unit::Count}},
              {}};
  if (several_files) table.columns.push_back({"file"});
  std::vector<std::string> files;
  if (several_files && brief) files = short_names(listing.model->checkpoint.files);
  if (several_files && !brief) {
    for (const ModelFile& file : listing.model->checkpoint.files) files.push_back(file.name);
  }
  for (const ListedTensor& listed : listing.tensors) {
    const Tensor& tensor = *listed.tensor;
    auto& row = table.rows.emplace_back(std::vector<Cell>{std::string(tensor.name), std::string(name(tensor.dtype)),
                                                          shape_text(tensor), listed.facts->parameters, tensor.bytes,
                                                          absolute_offset(listing, listed)});
    if (several_files) row.emplace_back(files[listed.file]);
  }
  return table;
}

void write_tensors_json(const TensorListing& listing, std::ostream& out) {
  JsonText text;
  std::vector<Json> rows;
  rows.reserve(listing.tensors.size());
  for (const ListedTensor& listed : listing.tensors) {
    const Tensor& tensor = *listed.tensor;
    rows.push_back({{"name", text(tensor.name)},
                    {"dtype", name(tensor.dtype)},
                    {"shape", std::vector<std::uint64_t>(tensor.shape.begin(), tensor.shape.end())},
                    {"parameters", listed.facts->parameters},
                    {"bytes", tensor.bytes},
                    {"offset", absolute_offset(listing, listed)},
                    {"file", listed.file}});
  }
  Json document{{"schema", "weigh.tensors/1"}, {"path", text(listing.path)}, {"tensors", nullptr}};
  if (Json finding = text.finding(); !finding.is_null()) document["findings"] = Json::array({std::move(finding)});
  document["errors"] = failures_json(listing.errors);
  write_document_with_rows(document, "tensors", rows, out);
}

}  // namespace

std::vector<ListedTensor> list_tensors(const Model& model) {
  std::vector<ListedTensor> tensors;
  tensors.reserve(model.tensors.size());
  for (std::size_t file = 0; file < model.checkpoint.files.size(); ++file) {
    for (const Tensor& tensor : model.checkpoint.files[file].tensors) {
      tensors.push_back({&tensor, &model.tensors[tensors.size()], file});
    }
  }
  return tensors;
}

void write_tensors(const TensorListing& listing, std::string_view format, const Style& style, std::ostream& out) {
  if (format == "json") return write_tensors_json(listing, out);
  const Table table = tensor_table(listing, format == "text");
  if (format == "csv") return write_csv_table(table, out);
  if (format == "markdown") return write_markdown_table(table, out);
  if (listing.model != nullptr) write_text_table(table, style, style.verbose, out);
}

}  // namespace weigh
