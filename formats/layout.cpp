#include "formats/layout.h"

#include <algorithm>
#include <numeric>

#include "formats/checked.h"
#include "formats/error.h"

namespace weigh::core {

namespace {

std::vector<const Tensor*> by_offset(const std::vector<Tensor>& tensors) {
  std::vector<const Tensor*> sorted(tensors.size());
  std::iota(sorted.begin(), sorted.end(), tensors.data());
  const auto before = [](const Tensor* a, const Tensor* b) {
    return a->offset != b->offset ? a->offset < b->offset : a->bytes < b->bytes;
  };
  if (!std::ranges::is_sorted(sorted, before)) std::ranges::stable_sort(sorted, before);
  return sorted;
}

void check_end(ModelFile& file, const LayoutRules& rules, std::uint64_t used,
               const std::vector<const Tensor*>& sorted) {
  const auto end = checked_add(file.header_bytes, used);
  if (!end)
    fail(file.header_bytes, "tensor data", "an end beyond 64 bits", "one inside the file", FindingCode::SizeOverflow);
  if (*end > file.file_bytes) {
    file.missing_bytes = *end - file.file_bytes;
    if (used == 0) return;  // only the header's own padding is not there, and nothing follows it
    const auto cut = std::ranges::count_if(sorted, [&](const Tensor* tensor) {
      return tensor->bytes > 0 && tensor->offset + tensor->bytes > file.data_bytes();
    });
    std::string message = fault("file size", std::to_string(file.file_bytes) + " bytes", std::to_string(*end)) + ": " +
                          std::to_string(file.missing_bytes) + " bytes are missing, " + std::to_string(cut) + " of " +
                          std::to_string(sorted.size()) + " tensors are not whole";
    file.findings.push_back(Finding(FindingCode::Truncated, Severity::Error, std::move(message)).at(file.file_bytes));
    return;
  }
  const std::uint64_t trailing = file.file_bytes - *end;
  file.padding_bytes += trailing;
  const auto padded = checked_round_up(*end, rules.alignment);
  if (trailing == 0 || (padded && trailing <= *padded - *end)) return;
  std::string message =
      fault("bytes behind the last tensor", std::to_string(trailing), padded ? std::to_string(*padded - *end) : "none");
  file.findings.push_back(Finding(FindingCode::TrailingBytes, rules.hole, std::move(message)).at(*end));
}

}  // namespace

void check_layout(ModelFile& file, const LayoutRules& rules) {
  FindingLog log(file.findings);
  const auto add = [&](FindingCode code, Severity severity, std::string message, const Tensor& tensor) {
    log.add(Finding(code, severity, std::move(message)).of_tensor(tensor.name).at(file.header_bytes + tensor.offset));
  };
  const std::vector<const Tensor*> sorted = by_offset(file.tensors);
  if (rules.order && !std::ranges::is_sorted(sorted)) {
    file.findings.emplace_back(FindingCode::TensorOrder, *rules.order, "tensors are not in the order of the header");
  }

  std::uint64_t used = 0;  // end of what the tensors so far own
  const Tensor* last = nullptr;
  for (const Tensor* tensor : sorted) {
    const auto end = checked_add(tensor->offset, tensor->bytes);
    const auto sum = checked_add(file.tensor_bytes, tensor->bytes);
    if (!end || !sum)
      fail(file.header_bytes, "tensor " + quote(tensor->name), "an end beyond 64 bits", "one inside the file",
           FindingCode::SizeOverflow);
    file.tensor_bytes = *sum;

    if (tensor->offset % rules.alignment != 0) {
      add(FindingCode::TensorMisaligned, Severity::Error,
          fault("tensor " + quote(tensor->name) + " offset", std::to_string(tensor->offset),
                "a multiple of " + std::to_string(rules.alignment)),
          *tensor);
    }
    if (tensor->offset > used) {
      file.padding_bytes += tensor->offset - used;
      if (checked_round_up(used, rules.alignment) != tensor->offset) {
        add(FindingCode::DataHole, rules.hole,
            std::to_string(tensor->offset - used) + " bytes before tensor " + quote(tensor->name) +
                " belong to no tensor",
            *tensor);
      }
    } else if (tensor->offset < used) {
      file.shared_bytes += std::min(used, *end) - tensor->offset;
      add(FindingCode::TensorOverlap, Severity::Error,
          "tensor " + quote(tensor->name) + " begins inside tensor " + quote(last->name), *tensor);
    }
    if (*end > used || !last) last = tensor;
    used = std::max(used, *end);
  }
  log.finish();
  check_end(file, rules, used, sorted);
}

}  // namespace weigh::core
