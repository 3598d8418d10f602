#pragma once

#include "src/memory/graph/graph_builder.h"

namespace weigh::core {

/// Builds one architecture's graph from the embeddings to the logits: a recipe of a family, in a file of its own.
using Recipe = void (*)(GraphBuilder&);

/// The recipe that an architecture's row names; that of the plain transformer for one without a row.
Recipe recipe_of(const RunModel& model);

/// Embeddings, blocks of attention (or what stands for it) and a feed-forward part, a norm, logits; what sets one
/// architecture apart from another is in its row's options and its tensors.
void plain_recipe(GraphBuilder& b);

/// The draft's graph: the block of multi-token prediction, from a token and the model's last rows to logits.
void mtp_recipe(GraphBuilder& b);

// plain_variants.cpp
void arctic_recipe(GraphBuilder& b);
void hrm_text_recipe(GraphBuilder& b);
void nanbeige_recipe(GraphBuilder& b);
void talkie_recipe(GraphBuilder& b);

// deci_recipe.cpp
void deci_recipe(GraphBuilder& b);

// encoder_recipes.cpp
void bert_recipe(GraphBuilder& b);
void modern_bert_recipe(GraphBuilder& b);

// gemma_recipes.cpp
void gemma3n_recipe(GraphBuilder& b);
void gemma4_recipe(GraphBuilder& b);

// qwen3vl_recipe.cpp
void qwen3vl_recipe(GraphBuilder& b);

// rwkv_recipes.cpp
void arwkv7_recipe(GraphBuilder& b);
void rwkv6_recipe(GraphBuilder& b);
void rwkv6qwen2_recipe(GraphBuilder& b);
void rwkv7_recipe(GraphBuilder& b);

// t5_recipes.cpp
void t5_recipe(GraphBuilder& b);
void t5encoder_recipe(GraphBuilder& b);

/// Latent attention to the cells that an indexer picks: DeepSeek V3.2, GLM-5, dots3.
void sparse_latent_recipe(GraphBuilder& b);

/// Layers of Kimi's delta attention and of latent attention.
void kimi_delta_recipe(GraphBuilder& b);
/// The same with residuals of earlier layers mixed in.
void kimi_k3_recipe(GraphBuilder& b);

/// Layers of lightning attention and of plain attention: MiniMax-01.
void lightning_recipe(GraphBuilder& b);

/// Hyper-connections around latent attention with an indexer.
void hunyuan4_recipe(GraphBuilder& b);

/// Hyper-connections of low rank, delta nets, and attention to blocks that an indexer picks.
void qwen4_recipe(GraphBuilder& b);

/// Hyper-connections around attention to a window and to compressed cells: DeepSeek V4.
void deepseek4_recipe(GraphBuilder& b);

/// Attention to blocks of cells that an indexer picks, for each group of heads its own: MiniMax M3.
void minimax_m3_recipe(GraphBuilder& b);

}  // namespace weigh::core
