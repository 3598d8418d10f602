#include "src/weigh/weigh.h"

#include <algorithm>
#include <exception>
#include <iterator>
#include <new>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "formats/error.h"
#include "src/audit/audit.h"
#include "src/checkpoint/distinct_paths.h"
#include "src/checkpoint/open_checkpoint.h"
#include "src/report/audit.h"
#include "src/report/escape.h"
#include "src/report/json.h"
#include "src/report/listings.h"
#include "src/report/scan.h"
#include "src/report/summary.h"
#include "src/report/writers.h"
#include "src/weigh/access.h"
#include "src/weigh/run_setup.h"
#include "src/weigh/scan_models.h"

namespace weigh {
namespace {

/// What a callback of the caller threw: it goes to the caller as it is.
class CallerException {
 public:
  template <typename Function, typename... Arguments>
  void call(const Function& function, Arguments&&... arguments) {
    try {
      if (function) function(std::forward<Arguments>(arguments)...);
    } catch (...) {
      thrown_ = std::current_exception();
      throw;
    }
  }
  void rethrow() const {
    if (thrown_) std::rethrow_exception(thrown_);
  }

 private:
  std::exception_ptr thrown_;
};

/// Runs `work`; what it throws becomes the one type of this library.
template <typename Work>
auto guarded(const Work& work, const std::string& path = {}, const CallerException* from_caller = nullptr) {
  try {
    return work();
  } catch (const std::exception& error) {
    if (from_caller != nullptr) from_caller->rethrow();
    if (dynamic_cast<const Error*>(&error) != nullptr || dynamic_cast<const std::bad_alloc*>(&error) != nullptr) throw;
    if (dynamic_cast<const core::UsageError*>(&error) != nullptr) {
      throw Error(ErrorKind::Usage, core::escaped(error.what()), path);
    }
    if (const auto* known = dynamic_cast<const core::Error*>(&error)) {
      const std::string line =
          path.empty() ? core::escaped(error.what()) : core::failure_line({path, error.what(), known->offset});
      throw Error(ErrorKind::Input, line, path, known->offset);
    }
    throw Error(ErrorKind::Internal, core::escaped(error.what()), path);
  }
}

[[noreturn]] void throw_failure(const core::Failure& failure) {
  throw Error(ErrorKind::Input, core::failure_line(failure), failure.path, failure.offset);
}

/// In the words of the command line.
core::RunOptions run_options_of(const RunOptions& from) {
  core::RunOptions options;
  if (from.engine) options.engine = name_of(*from.engine);
  if (from.context) options.context = *from.context == kModelContext ? "max" : std::to_string(*from.context);
  options.kv_type = from.kv_type;
  options.flash_attention = from.flash_attention ? "on" : "off";
  options.as = from.as_type;
  options.mmproj = from.projector;
  options.draft = from.draft;
  options.draft_kv_type = from.draft_kv_type;
  options.parallel = from.parallel;
  if (from.batch != RunOptions().batch) options.batch = from.batch;
  options.micro_batch = from.micro_batch;
  options.gpu_layers = from.gpu_layers;
  options.cpu_moe_layers = from.cpu_moe_layers;
  options.cpu_ffn_layers = from.cpu_ffn_layers;
  options.unified_cache = from.unified_cache;
  options.full_window_cache = from.full_window_cache;
  options.projector_on_host = from.projector_on_host;
  options.host = from.host;
  options.together = from.together;
  options.prompt = from.prompt;
  options.generated = from.generate;
  options.eager_attention = from.eager_attention;
  options.engine_version = from.engine_version;
  options.memory_share = from.memory_share;
  if (from.pool_bytes) options.pool_size = std::to_string(*from.pool_bytes);
  options.serving.max_sequences = from.max_sequences;
  options.serving.batched_tokens = from.batched_tokens;
  options.serving.tensor_parallel = from.tensor_parallel;
  options.serving.pipeline_parallel = from.pipeline_parallel;
  options.serving.context_parallel = from.context_parallel;
  options.serving.block_tokens = from.block_tokens;
  options.serving.eager = from.enforce_eager;
  options.serving.no_prefix_caching = from.no_prefix_caching;
  options.training = {from.train,     from.optimizer,       from.checkpointing, from.shard,
                      from.lora_rank, from.train_sequences, from.train_tokens};
  return options;
}

core::WeighDetail detail_of(Detail detail) {
  switch (detail) {
    case Detail::Verdict: return core::WeighDetail::Placement;
    case Detail::Run: return core::WeighDetail::Run;
    case Detail::Advice: return core::WeighDetail::Advice;
  }
  return core::WeighDetail::Advice;
}

core::RunSetup set_up(const std::vector<std::string>& devices, const RunOptions& options, const Catalogue& catalogue) {
  return core::set_up_run(run_options_of(options), devices, Access::catalogue(catalogue));
}

std::vector<core::Fit> fits_of(const core::Model& model, const core::RunSetup& setup, Detail detail) {
  return core::fits_of(model, setup.options, setup.companions, setup.groups, setup.catalogue, detail_of(detail));
}

/// What `write` writes.
template <typename Write>
std::string written(const Write& write) {
  std::ostringstream out;
  write(out);
  return std::move(out).str();
}

core::AuditOptions audit_options_of(const AuditOptions& options, CallerException& from_caller) {
  core::AuditOptions how;
  how.deep = options.deep;
  how.threads = core::threads_or_all(options.threads);
  if (options.progress) {
    how.progress = [&](std::uint64_t done, std::uint64_t all) { from_caller.call(options.progress, done, all); };
  }
  return how;
}

/// One scan: what it finds goes to `sink`.
core::ScanOutcome scan_into(const std::vector<std::string>& folders, const ScanOptions& options,
                            const core::ScanSink& sink, const Catalogue& catalogue) {
  const core::RunSetup setup = set_up(options.devices, options.run, catalogue);
  core::ScanPlan plan;
  plan.roots = folders;
  plan.threads = core::threads_or_all(options.threads);
  plan.run = core::verdicts_key(setup);
  return core::scan_folders(plan, core::scan_weigher(setup, core::LineUse::Needed), sink);
}

}  // namespace

Error::Error(ErrorKind kind, const std::string& what, std::string path, std::optional<std::uint64_t> offset)
    : std::runtime_error(what), kind_(kind), path_(std::move(path)), offset_(offset) {}
Error::Error(const Error&) = default;
Error::~Error() = default;

// --- Devices

Catalogue::Catalogue() : data_(guarded([] { return std::make_shared<Data>(Data{core::load_catalogue()}); })) {}
Catalogue::Catalogue(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
Catalogue::Catalogue(const Catalogue&) = default;
Catalogue& Catalogue::operator=(const Catalogue&) = default;
Catalogue::~Catalogue() = default;

Catalogue Catalogue::built_in() {
  return guarded([] { return Catalogue(std::make_shared<Data>(Data{core::Catalogue::built_in()})); });
}

void Catalogue::add(std::string_view csv, const std::string& origin) {
  data_ = guarded([&] {
    auto changed = std::make_shared<Data>(*data_);
    changed->catalogue.add(csv, origin);
    return changed;
  });
}

std::vector<Device> Catalogue::devices() const {
  std::vector<Device> devices;
  for (const core::Device& device : data_->catalogue.devices()) devices.push_back(device_of(device));
  return devices;
}

std::vector<Device> Catalogue::search(std::string_view query) const {
  std::vector<Device> devices;
  for (const core::Device* device : data_->catalogue.search(query)) devices.push_back(device_of(*device));
  return devices;
}

Device Catalogue::find(std::string_view device) const {
  return guarded([&] { return device_of(data_->catalogue.resolve(device)); });
}

std::string Catalogue::json(std::string_view query) const {
  return guarded([&] {
    const std::vector<const core::Device*> found = core::devices_matching(data_->catalogue, query);
    return written([&](std::ostream& out) { core::write_devices(found, "json", {}, out); });
  });
}

// --- Models

Model::Data::Data(core::Model read) : model(std::move(read)), info(info_of(model)) {}
Model::Model(std::shared_ptr<const Data> data) : data_(std::move(data)) {}
Model::Model(const Model&) = default;
Model& Model::operator=(const Model&) = default;
Model::~Model() = default;

Model Access::model(core::Checkpoint&& checkpoint) {
  return Model(std::make_shared<Model::Data>(core::describe(std::move(checkpoint))));
}

const ModelInfo& Model::info() const noexcept { return data_->info; }

std::vector<Tensor> Model::tensors() const { return tensors_of(data_->model); }

std::vector<Fit> Model::fit(const std::vector<std::string>& devices, const RunOptions& options,
                            const Catalogue& catalogue) const {
  return guarded([&] {
    std::vector<Fit> fits;
    const core::RunSetup setup = set_up(devices, options, catalogue);
    for (const core::Fit& fit : fits_of(data_->model, setup, options.detail)) fits.push_back(fit_of(fit));
    return fits;
  });
}

std::string Model::json(const std::vector<std::string>& devices, const RunOptions& options,
                        const Catalogue& catalogue) const {
  return guarded([&] {
    const core::RunSetup setup = set_up(devices, options, catalogue);
    // No fits but those that were asked for.
    std::vector<core::Fit> fits;
    if (!setup.groups.empty()) fits = fits_of(data_->model, setup, options.detail);
    return written([&](std::ostream& out) { core::write_json(data_->model, fits, out); });
  });
}

std::string Model::tensors_json() const {
  return guarded([&] {
    const core::Model& model = data_->model;
    core::TensorListing listing{model.checkpoint.path, &model, {}, core::Grouping::None, {}};
    for (const core::TensorFacts& facts : model.tensors) listing.tensors.push_back(&facts);
    return written([&](std::ostream& out) { core::write_tensors(listing, "json", {}, out); });
  });
}

std::string Model::metadata_json(bool full) const {
  return guarded([&] {
    const core::Checkpoint& checkpoint = data_->model.checkpoint;
    const core::MetadataListing listing{checkpoint.path, &checkpoint, full, {}};
    return written([&](std::ostream& out) { core::write_metadata(listing, "json", {}, out); });
  });
}

Model open(const std::string& path) {
  return guarded(
      [&] {
        core::OneCheckpoint one = core::one_of(core::open_checkpoints(path));
        if (!one.failures.empty()) throw_failure(one.failures.front());
        if (!one.checkpoint) throw Error(ErrorKind::Input, core::failure_line({path, "holds no model", {}}), path);
        return Access::model(std::move(*one.checkpoint));
      },
      path);
}

Opened open_all(const std::string& path) {
  return guarded(
      [&] {
        core::OpenResult found = core::open_checkpoints(path);
        Opened opened;
        for (core::Checkpoint& checkpoint : found.checkpoints) {
          opened.models.push_back(Access::model(std::move(checkpoint)));
        }
        for (core::Failure& failure : found.failures) opened.failures.push_back(failure_of(std::move(failure)));
        return opened;
      },
      path);
}

std::string inspect_json(const std::vector<std::string>& paths, const std::vector<std::string>& devices,
                         const RunOptions& options, const Catalogue& catalogue) {
  return guarded([&] {
    const core::RunSetup setup = set_up(devices, options, catalogue);
    core::Report report;
    for (const std::string& path : core::distinct_paths(paths))
      core::append(core::weigh_path(path, setup, detail_of(options.detail)), report);
    return written([&](std::ostream& out) { core::write_json(report, {}, out); });
  });
}

// --- Folders

std::uint64_t scan(const std::vector<std::string>& folders, const ScanOptions& options, const ScanCallbacks& callbacks,
                   const Catalogue& catalogue) {
  CallerException from_caller;
  return guarded(
      [&] {
        const core::ScanSink sink{
            .model = [&](core::StoredModel&& stored) { from_caller.call(callbacks.model, row_of(std::move(stored))); },
            .failure =
                [&](core::Failure&& failure) { from_caller.call(callbacks.failure, failure_of(std::move(failure))); },
            .progress =
                [&](const core::ScanProgress& now) {
                  const ScanProgress progress{now.files, now.found, now.done, now.models, now.all_found};
                  from_caller.call(callbacks.progress, progress);
                }};
        return scan_into(folders, options, sink, catalogue).links;
      },
      {}, &from_caller);
}

Scan scan(const std::vector<std::string>& folders, const ScanOptions& options, const Catalogue& catalogue) {
  Scan result;
  const ScanCallbacks callbacks{.model = [&](ScanRow&& row) { result.models.push_back(std::move(row)); },
                                .failure = [&](Failure&& failure) { result.failures.push_back(std::move(failure)); },
                                .progress = {}};
  result.links = scan(folders, options, callbacks, catalogue);
  std::ranges::stable_sort(result.models, {}, &ScanRow::path);
  std::ranges::stable_sort(result.failures, {}, &Failure::path);
  return result;
}

std::string scan_json(const std::vector<std::string>& folders, const ScanOptions& options, const Catalogue& catalogue) {
  return guarded([&] {
    core::ScanListing listing;
    const core::ScanSink sink{.model = [&](core::StoredModel&& stored) { listing.models.push_back(std::move(stored)); },
                              .failure = [&](core::Failure&& failure) { listing.errors.push_back(std::move(failure)); },
                              .progress = {}};
    listing.links = scan_into(folders, options, sink, catalogue).links;
    core::sort_listing(listing, std::nullopt);
    return written([&](std::ostream& out) { core::write_scan(listing, "json", {}, out); });
  });
}

// --- Audits

std::vector<Audit> audit(const std::string& path, const AuditOptions& options) {
  CallerException from_caller;
  return guarded(
      [&] {
        std::vector<Audit> audits;
        for (core::Audit& audit : core::audit_path(path, audit_options_of(options, from_caller))) {
          audits.push_back({.path = std::move(audit.path),
                            .files = std::move(audit.files),
                            .checks_run = {audit.checks_run.begin(), audit.checks_run.end()},
                            .findings = findings_of(audit.findings)});
        }
        return audits;
      },
      path, &from_caller);
}

std::string audit_json(const std::vector<std::string>& paths, const AuditOptions& options) {
  CallerException from_caller;
  return guarded(
      [&] {
        core::AuditListing listing;
        listing.deep = options.deep;
        for (const std::string& path : core::distinct_paths(paths)) {
          std::ranges::move(core::audit_path(path, audit_options_of(options, from_caller)),
                            std::back_inserter(listing.audits));
        }
        return written([&](std::ostream& out) { core::write_audits(listing, "json", {}, out); });
      },
      {}, &from_caller);
}

}  // namespace weigh
