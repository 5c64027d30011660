package rank

import (
	"fmt"
	"hash/fnv"
	"strconv"
)

// FromEnv is the world that the variables of a launcher describe, and a world of one where there are none. The first of these
// counts: torchrun's (RANK, which PyTorchJob and scripts set as well), Kubeflow Trainer's, Open MPI's, MVAPICH's, those of MPICH
// and of Intel MPI, SLURM's. Variables that are wrong, half there or against each other are an error that names them.
func FromEnv(lookup func(name string) (string, bool)) (World, error) {
	w, err := env(lookup).world()
	if err != nil {
		return World{}, fmt.Errorf("ranks: %w", err)
	}
	return w, nil
}

func (e env) world() (World, error) {
	switch {
	case e.has("RANK") || e.has("WORLD_SIZE"):
		return e.torchrun()
	case e.has("PET_NNODES") || e.has("PET_NODE_RANK"):
		return e.kubeflow()
	}
	w, found, err := e.others()
	if !found && err == nil {
		w = World{Size: 1, LocalSize: 1}
	}
	return w, err
}

// others are the launchers that start every rank themselves, and know nothing of PyTorch.
func (e env) others() (w World, found bool, err error) {
	for _, n := range mpis {
		if (e.has(n.rank) || e.has(n.size)) && e.has(n.localRank) {
			w, err = e.mpi(n)
			return w, true, err
		}
	}
	if e.stepOfSlurm() {
		w, err = e.slurm()
		return w, true, err
	}
	for _, n := range mpis {
		if e.has(n.rank) && e.get(n.size) != "1" {
			return w, true, fmt.Errorf("%s=%s without %s: it is not known which device is this rank's: set it", n.rank, e.get(n.rank), n.localRank)
		}
	}
	return w, false, nil
}

// torchrun reads what its agent sets, or a script in its stead. TORCHELASTIC_RUN_ID is there in the first case alone.
func (e env) torchrun() (World, error) {
	w, err := e.place(names{launcher: "torchrun", rank: "RANK", size: "WORLD_SIZE", localRank: "LOCAL_RANK",
		localSize: "LOCAL_WORLD_SIZE", restarts: "TORCHELASTIC_RESTART_COUNT", job: "TORCHELASTIC_RUN_ID"})
	if err != nil {
		return w, err
	}
	if w.Job == "none" { // what an agent that was given no --rdzv-id calls itself
		w.Job = ""
	}
	w.AgentStore = e.get("TORCHELASTIC_USE_AGENT_STORE") == "True"
	if !e.has("LOCAL_RANK") && !e.has("LOCAL_WORLD_SIZE") {
		w.LocalSize = 1 // PyTorchJob, a process a pod
	}
	if !e.has("TORCHELASTIC_RUN_ID") {
		if n, err := strconv.Atoi(e.get("PET_NPROC_PER_NODE")); err == nil && n != 1 {
			return w, e.notTorchrun() // PyTorchJob counts n ranks a pod, and torchrun was to start them
		}
		if other, found, err := e.others(); found && err == nil && other.Size > 1 && (other.Rank != w.Rank || other.Size != w.Size) {
			return w, fmt.Errorf("RANK=%d of WORLD_SIZE=%d, and by %s's variables this is %d of %d: unset RANK and WORLD_SIZE, or %[3]s's",
				w.Rank, w.Size, other.Launcher, other.Rank, other.Size)
		}
	}
	return e.meet(w, "MASTER_ADDR", "MASTER_PORT", "", 0)
}

// kubeflow reads the defaults that Trainer leaves for torchrun, where forger stands in torchrun's place.
func (e env) kubeflow() (World, error) {
	if e.has("PET_NPROC_PER_NODE") && e.get("PET_NPROC_PER_NODE") != "1" {
		return World{}, e.notTorchrun()
	}
	w, err := e.place(names{launcher: "Kubeflow", rank: "PET_NODE_RANK", size: "PET_NNODES"})
	if err != nil {
		return w, err
	}
	w.LocalSize = 1
	return e.meet(w, "PET_MASTER_ADDR", "PET_MASTER_PORT", "", 29500)
}

func (e env) notTorchrun() error {
	return fmt.Errorf("PET_NPROC_PER_NODE=%s: that many processes are for torchrun to start: let the container's command be `torchrun --no-python forger ...`, or have 1 process a node",
		e.get("PET_NPROC_PER_NODE"))
}

// mpis are launchers that set an address nowhere. PMI's two are those of MPICH's hydra, which Intel MPI is made from, and of
// Cray's PALS; srun --mpi=pmi2 sets ranks so as well, but no local ones.
var mpis = []names{
	{launcher: "Open MPI", rank: "OMPI_COMM_WORLD_RANK", size: "OMPI_COMM_WORLD_SIZE", localRank: "OMPI_COMM_WORLD_LOCAL_RANK",
		localSize: "OMPI_COMM_WORLD_LOCAL_SIZE", job: "PMIX_NAMESPACE"},
	{launcher: "MVAPICH2", rank: "MV2_COMM_WORLD_RANK", size: "MV2_COMM_WORLD_SIZE", localRank: "MV2_COMM_WORLD_LOCAL_RANK",
		localSize: "MV2_COMM_WORLD_LOCAL_SIZE"},
	{launcher: "MPICH", rank: "PMI_RANK", size: "PMI_SIZE", localRank: "MPI_LOCALRANKID", localSize: "MPI_LOCALNRANKS"},
	{launcher: "MPICH", rank: "PMI_RANK", size: "PMI_SIZE", localRank: "PMI_LOCAL_RANK", localSize: "PMI_LOCAL_SIZE"},
}

func (e env) mpi(n names) (World, error) {
	w, err := e.place(n)
	if err != nil {
		return w, err
	}
	if n.launcher == "MPICH" && e.has("I_MPI_MPIRUN") {
		w.Launcher = "Intel MPI"
	}
	host, port := "", 0
	if w.LocalSize == w.Size {
		host = "127.0.0.1"
	}
	if w.Job != "" {
		port = derived(w.Job)
	}
	return e.meet(w, "MASTER_ADDR", "MASTER_PORT", host, port)
}

// derived is a port from 15000 to 31999, below those that Linux gives to outgoing connections. Two jobs of a host have the same
// one once in 17,000: then the second rank 0 finds it taken, and World.Job keeps the others from meeting the first.
func derived(job string) int {
	h := fnv.New32a()
	h.Write([]byte(job))
	return 15000 + int(h.Sum32()%17000)
}

// meet fills in where the store is: what the variables say, else host and port.
func (e env) meet(w World, addr, at, host string, port int) (World, error) {
	if w.Size == 1 {
		return w, nil
	}
	if w.Host = e.get(addr); w.Host == "" {
		w.Host = host
	}
	if w.Host == "" {
		return w, fmt.Errorf("%s is not set, and %s does not say where rank 0 is: set it to rank 0's host, the same for all ranks", addr, w.Launcher)
	}
	var err error
	if w.Port, err = e.port(at, port); err == nil && w.Port == 0 {
		err = fmt.Errorf("%s is not set, and %s gives nothing to make a port from: set it to a free port of %s, the same for all ranks", at, w.Launcher, w.Host)
	}
	return w, err
}
