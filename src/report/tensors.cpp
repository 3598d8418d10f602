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

Table tensor_table(const TensorListing& listing) {
  const bool several_files = listing.model != nullptr && listing.model->checkpoint.files.size() > 1;
  Table table{{{"name"},
               {"dtype"},
               {"shape"},
               {"parameters", Unit::Parameters},
               {"bytes", Unit::Bytes},
               {"offset", Unit::Count}},
              {}};
  if (several_files) table.columns.push_back({"file"});
  for (const ListedTensor& listed : listing.tensors) {
    const Tensor& tensor = *listed.tensor;
    auto& row = table.rows.emplace_back(std::vector<Cell>{std::string(tensor.name), std::string(name(tensor.dtype)),
                                                          shape_text(tensor), listed.facts->parameters, tensor.bytes,
                                                          absolute_offset(listing, listed)});
    if (several_files) row.emplace_back(listing.model->checkpoint.files[listed.file].name);
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
  const Table table = tensor_table(listing);
  if (format == "csv") return write_csv_table(table, out);
  if (format == "markdown") return write_markdown_table(table, out);
  if (listing.model != nullptr) write_text_table(table, style, style.verbose, out);
}

}  // namespace weigh
