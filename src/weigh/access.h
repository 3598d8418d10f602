#pragma once

#include <memory>
#include <string>
#include <vector>

#include "src/devices/budget.h"
#include "src/devices/catalogue.h"
#include "src/fit/fit.h"
#include "src/model/model.h"
#include "src/scan/inventory.h"
#include "src/weigh/weigh.h"

namespace weigh {

struct Model::Data {
  explicit Data(core::Model read);

  core::Model model;
  ModelInfo info;
};

struct Catalogue::Data {
  core::Catalogue catalogue;
};

/// From the values of the public header to what is behind them.
struct Access {
  static Model model(core::Checkpoint&& checkpoint);
  static const core::Model& model(const Model& model) { return model.data_->model; }
  static const core::Catalogue& catalogue(const Catalogue& catalogue) { return catalogue.data_->catalogue; }
};

// What core says, as values of the public header.

ModelInfo info_of(const core::Model& model);
std::vector<Tensor> tensors_of(const core::Model& model);
std::vector<Finding> findings_of(const std::vector<core::Finding>& findings);
Device device_of(const core::Device& device);
Fit fit_of(const core::Fit& fit);
ScanRow row_of(core::StoredModel&& stored);
Failure failure_of(core::Failure&& failure);

}  // namespace weigh
