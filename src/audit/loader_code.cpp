#include "src/audit/loader_code.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

namespace weigh::core {

namespace {

using nlohmann::json;

// A value on the way down, with the place of the one around it in the list of all that were met.
struct Node {
  const json* value;
  const std::string* key;  // null for an element of a list
  std::size_t parent;
};

std::string path_of(const std::vector<Node>& nodes, std::size_t at) {
  constexpr std::size_t kLongest = 200;
  std::string path;
  for (; at != 0 && path.size() < kLongest; at = nodes[at].parent) {
    if (nodes[at].key == nullptr) continue;
    path = nodes[at].key->substr(0, kLongest) + (path.empty() ? "" : "." + path);
  }
  return path;
}

constexpr auto kCodeMembers = std::to_array<std::string_view>(
    {"auto_map", "auto_mapping", "custom_pipelines", "custom_pipeline", "custom_generate"});

// Of pipelines: libraries, and the folders of diffusers.pipelines, by which it names what only one pipeline has.
constexpr auto kPipelineLibraries = std::to_array<std::string_view>({"diffusers",
                                                                     "transformers",
                                                                     "flax",
                                                                     "onnxruntime",
                                                                     "optimum",
                                                                     "torch",
                                                                     "accelerate",
                                                                     "k_diffusion",
                                                                     "peft",
                                                                     "timm",
                                                                     "open_clip",
                                                                     "sentence_transformers",
                                                                     "gguf",
                                                                     "audioldm",
                                                                     "audioldm2",
                                                                     "animatediff",
                                                                     "blip_diffusion",
                                                                     "consistency_models",
                                                                     "controlnet",
                                                                     "controlnet_xs",
                                                                     "deepfloyd_if",
                                                                     "deprecated",
                                                                     "ddpm",
                                                                     "dit",
                                                                     "flux",
                                                                     "hidream_image",
                                                                     "hunyuan_video",
                                                                     "hunyuandit",
                                                                     "i2vgen_xl",
                                                                     "kandinsky",
                                                                     "kandinsky2_2",
                                                                     "kandinsky3",
                                                                     "kolors",
                                                                     "latent_consistency_models",
                                                                     "latent_diffusion",
                                                                     "ledits_pp",
                                                                     "lumina",
                                                                     "ltx",
                                                                     "marigold",
                                                                     "musicldm",
                                                                     "paint_by_example",
                                                                     "pia",
                                                                     "pixart_alpha",
                                                                     "sana",
                                                                     "semantic_stable_diffusion",
                                                                     "shap_e",
                                                                     "spectrogram_diffusion",
                                                                     "stable_audio",
                                                                     "stable_cascade",
                                                                     "stable_diffusion",
                                                                     "stable_diffusion_3",
                                                                     "stable_diffusion_gligen",
                                                                     "stable_diffusion_ldm3d",
                                                                     "stable_diffusion_safe",
                                                                     "stable_diffusion_xl",
                                                                     "stable_video_diffusion",
                                                                     "t2i_adapter",
                                                                     "text_to_video_synthesis",
                                                                     "unclip",
                                                                     "unidiffuser",
                                                                     "versatile_diffusion",
                                                                     "vq_diffusion",
                                                                     "wan",
                                                                     "wuerstchen",
                                                                     "cogvideo",
                                                                     "cogview3",
                                                                     "cogview4",
                                                                     "mochi",
                                                                     "allegro",
                                                                     "aura_flow",
                                                                     "omnigen",
                                                                     "visualcloze",
                                                                     "cosmos",
                                                                     "chroma",
                                                                     "bria",
                                                                     "qwenimage",
                                                                     "skyreels_v2",
                                                                     "easyanimate",
                                                                     "consisid",
                                                                     "amused",
                                                                     "latte"});

// Where adapters and the modules of sentence-transformers come from.
constexpr auto kLibraryPrefixes = std::to_array<std::string_view>(
    {"transformers.", "sentence_transformers.", "pylate.", "peft.", "diffusers.", "timm.", "torch.", "model2vec."});

bool is_of_library(std::string_view module) {
  return std::ranges::any_of(kLibraryPrefixes, [&](std::string_view prefix) {
    return module.starts_with(prefix) || module == prefix.substr(0, prefix.size() - 1);
  });
}

std::string_view string_of(const json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found == object.end() || !found->is_string() ? std::string_view()
                                                      : std::string_view(found->get_ref<const std::string&>());
}

void add(std::vector<LoaderCode>& found, std::string path, std::vector<std::string> classes) {
  constexpr std::size_t kMost = 16;
  if (found.size() < kMost) found.push_back({std::move(path), std::move(classes)});
}

// "unet": ["my_module", "MyUNet"], and "_class_name": ["my_pipeline", "MyPipeline"].
void add_pipeline_classes(const json& index, std::vector<LoaderCode>& found) {
  if (!index.is_object()) return;
  for (const auto& [key, value] : index.items()) {
    if (!value.is_array() || value.size() != 2 || !value[0].is_string() || !value[1].is_string()) continue;
    const auto& module = value[0].get_ref<const std::string&>();
    const bool known =
        std::ranges::find(kPipelineLibraries, module) != kPipelineLibraries.end() || is_of_library(module);
    if (key == "_class_name" || (!key.starts_with('_') && !known)) add(found, key, strings_in(value, 3));
  }
}

// [{"idx": 0, "path": "", "type": "my_module.MyModule"}]
void add_sentence_modules(const json& modules, std::vector<LoaderCode>& found) {
  if (!modules.is_array() && !modules.is_object()) return;
  for (const json& module : modules) {
    const std::string_view type = string_of(module, "type");
    if (!type.empty() && !is_of_library(type)) add(found, "type", {std::string(type)});
  }
}

}  // namespace

std::vector<FoundMember> members_named(const json& root, std::span<const std::string_view> names) {
  constexpr std::size_t kMost = 16;
  std::vector<FoundMember> found;
  std::vector<Node> nodes{{&root, nullptr, 0}};
  for (std::size_t at = 0; at < nodes.size() && found.size() < kMost; ++at) {
    const Node node = nodes[at];
    if (node.key != nullptr && std::ranges::find(names, *node.key) != names.end()) {
      found.push_back({path_of(nodes, at), node.value});
    } else if (node.value->is_object()) {
      const auto& members = node.value->get_ref<const json::object_t&>();
      for (const auto& [key, value] : members) {
        if (value.is_structured() || std::ranges::find(names, key) != names.end()) nodes.push_back({&value, &key, at});
      }
    } else if (node.value->is_array()) {
      for (const json& value : *node.value) {
        if (value.is_structured()) nodes.push_back({&value, nullptr, at});
      }
    }
  }
  return found;
}

std::vector<std::string> strings_in(const json& value, std::size_t most) {
  std::vector<std::string> strings;
  std::vector<const json*> waiting{&value};
  while (!waiting.empty() && strings.size() < most) {
    const json* next = waiting.back();
    waiting.pop_back();
    if (next->is_string()) strings.push_back(next->get<std::string>());
    if (!next->is_structured()) continue;
    const std::size_t begin = waiting.size();
    for (const json& child : *next) {
      if (child.is_string() || child.is_structured()) waiting.push_back(&child);
    }
    std::reverse(waiting.begin() + static_cast<std::ptrdiff_t>(begin), waiting.end());
  }
  return strings;
}

std::vector<LoaderCode> find_loader_code(std::string_view base, const json& config) {
  std::vector<LoaderCode> found;
  if (base == "model_index.json") add_pipeline_classes(config, found);
  if (base == "modules.json") add_sentence_modules(config, found);
  for (const auto& [path, value] : members_named(config, kCodeMembers)) {
    std::vector<std::string> classes = strings_in(*value, 3);
    const std::string_view library = string_of(*value, "parent_library");
    if (path.ends_with("auto_mapping") && !library.empty()) {
      if (is_of_library(library)) continue;
      classes = {std::string(library) + "." + std::string(string_of(*value, "base_model_class"))};
    }
    if (!classes.empty()) add(found, path, std::move(classes));
  }
  return found;
}

std::vector<std::string> find_trust(const json& config) {
  constexpr auto kNames = std::to_array<std::string_view>({"trust_remote_code"});
  std::vector<std::string> paths;
  for (const auto& [path, value] : members_named(config, kNames)) {
    const bool set = value->is_boolean()  ? value->get<bool>()
                     : value->is_number() ? *value != 0
                     : value->is_string() ? *value != "" && *value != "false" && *value != "False"
                                          : false;
    if (set) paths.push_back(path);
  }
  return paths;
}

bool is_loader_config(std::string_view base) {
  constexpr auto kNames = std::to_array<std::string_view>(
      {"model_index.json", "modules.json", "chat_template.json", "config_sentence_transformers.json"});
  return base.ends_with("config.json") || std::ranges::find(kNames, base) != kNames.end();
}

}  // namespace weigh::core
