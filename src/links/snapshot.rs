//! Links in files.

use super::{Link, Parameter, Persistent};
use crate::{
    error::Result,
    serializers::{Loader, NpyValue, Saver, Snapshot},
    shape::DType,
    tensor::Tensor,
};

impl<K: Link + ?Sized> Snapshot for K {
    fn save(&self, to: &mut Saver<'_>) -> Result<()> {
        for (path, parameter) in self.namedparams() {
            match parameter.is_initialized() {
                true => to.put_tensor(&path, &parameter.data())?,
                false => to.put(&path, &NpyValue::None)?,
            }
        }
        for (path, persistent) in self.namedpersistents() {
            to.put_tensor(&path, &persistent.data())?;
        }
        Ok(())
    }

    fn load(&mut self, from: &Loader<'_>) -> Result<()> {
        // Everything is read and checked before anything is changed.
        let mut parameters: Vec<(Parameter, Tensor)> = vec![];
        for (path, parameter) in self.namedparams() {
            let shape = parameter.shape();
            if shape.is_none() && from.get(&path)?.is_none() {
                continue;
            }
            let dtype = shape.as_ref().map_or(DType::F32, |_| parameter.data().dtype());
            parameters.push((parameter.clone(), from.get_tensor(&path, shape.as_ref(), dtype, &parameter.device())?));
        }
        let mut persistents: Vec<(Persistent, Tensor)> = vec![];
        for (path, persistent) in self.namedpersistents() {
            let now = persistent.data();
            // One that is empty is not of its shape yet.
            let shape = (now.size() > 0).then(|| now.shape());
            persistents.push((persistent, from.get_tensor(&path, shape, now.dtype(), now.device())?));
        }
        parameters.into_iter().for_each(|(p, data)| p.set_data(data));
        persistents.into_iter().for_each(|(p, data)| p.set_data(data));
        Ok(())
    }
}
